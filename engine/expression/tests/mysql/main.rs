//! What only a real server can prove of expressions: that each function gives what MySQL gives.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod functions;
#[cfg(test)]
mod server;
#[cfg(test)]
mod values;
