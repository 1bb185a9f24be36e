//! What a person may have meant.

/// The candidate that `text` most likely is a slip of, if any is near enough to be worth naming.
///
/// Near is one edit for short words, and up to a third of the letters for longer ones; upper and
/// lower case do not count.
#[must_use]
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let text = text.to_lowercase();
    let distance_max = (text.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&text, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near_and_other_words_are_not() {
        let keys = ["source", "target", "move", "limits", "on"];

        for (text, expected) in [
            ("sorce", Some("source")),
            ("Target", Some("target")),
            ("moev", Some("move")),
            ("no", Some("on")),
            ("materialize", None),
            ("x", None),
        ] {
            assert_eq!(nearest(text, keys).as_deref(), expected, "{text}");
        }
    }
}
