//! What expressions give, and what is refused, from their text.
mod basics;
