//! What expressions give, and what is refused, from their text.

mod basics;
mod cells;
mod examples;
mod random;
mod refused;
mod zones;
