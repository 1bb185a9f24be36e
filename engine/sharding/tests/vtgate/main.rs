//! What only a real vtgate can prove: that rows lie on the shards that we say.

#[cfg(test)]
mod rows;
#[cfg(test)]
mod values;
