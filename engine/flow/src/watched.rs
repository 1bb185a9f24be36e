//! Waiting for a fact about a watched value.

use tokio::sync::watch;

/// Ends once `is_reached` holds for the value of `sender`. Safe to cancel.
pub(crate) async fn until<T>(sender: &watch::Sender<T>, is_reached: impl FnMut(&T) -> bool) {
    let mut changes = sender.subscribe();
    let seen = changes.wait_for(is_reached).await;
    assert!(seen.is_ok(), "a watched value outlives the borrow of its sender");
}
