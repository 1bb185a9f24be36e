//! What a migration of a week meets: lost connections, restarts, failovers, frozen runners, refused
//! rows, and its limits. A live writer is at work all the while; its seed is printed.

mod connections;
mod counter;
mod definitions;
mod failover;
mod keyspace;
mod limits;
mod load;
mod resharding;
mod runners;
mod servers;
mod tables;
mod tablets;
mod target;
mod vtgates;
