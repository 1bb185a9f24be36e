//! What only real servers can prove of values: that each arrives as it was, whichever way it went.

#[cfg(test)]
mod common;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod literals;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod random;
#[cfg(test)]
#[cfg(test)]
mod tail;
