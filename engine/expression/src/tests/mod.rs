//! What expressions give, and what is refused, from their text.

mod basics;
mod examples;
mod random;
mod refused;
