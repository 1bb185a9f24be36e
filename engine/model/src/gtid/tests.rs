use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const A: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
const B: &str = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

#[test]
fn sets_are_printed_as_the_server_prints_them() {
    for (input, output) in [
        (String::new(), String::new()),
        (format!("{A}:1-5"), format!("{A}:1-5")),
        (format!("{A}:5:1-4:7"), format!("{A}:1-5:7")),
        (format!(" {} : 1 - 5 ,\n{A}:8", A.to_uppercase()), format!("{A}:1-5:8")),
        (format!("{B}:1,{A}:2"), format!("{A}:2,{B}:1")),
        (format!("{A}:1-60043:MyTag:1:3-4"), format!("{A}:1-60043:mytag:1:3-4")),
        (format!("{A}:b:1:a:1,{A}:9"), format!("{A}:9:a:1:b:1")),
        (format!("{A}:9-3"), String::new()),
    ] {
        assert_eq!(input.parse::<GtidSet>().unwrap().to_string(), output, "{input}");
    }
}

#[test]
fn texts_that_are_no_set_are_refused_with_the_part_that_does_not_fit() {
    for (text, part) in [
        ("nonsense:1", "nonsense"),
        ("3e11fa47-71ca-11e1-9e33-c80aa9429562:0", "0"),
        ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-9223372036854775807", "1-9223372036854775807"),
        ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1:", ""),
        ("3e11fa47-71ca-11e1-9e33-c80aa9429562:1:9tag:1", "9tag"),
    ] {
        let expected = GtidError::Malformed { text: text.to_owned(), part: part.to_owned() };

        assert_eq!(text.parse::<GtidSet>(), Err(expected));
    }
}

#[test]
fn one_transaction_is_read_back_with_its_tag() {
    let text = format!("{A}:tag:17");

    assert_eq!(text.parse::<Gtid>().unwrap().to_string(), text);
    assert!(format!("{A}:1-2").parse::<Gtid>().is_err());
}

type Model = BTreeSet<(usize, u64)>;

fn sources() -> [SourceId; 3] {
    let uuid = |text| parse_uuid(text).unwrap();
    [
        SourceId { uuid: uuid(A), tag: String::new() },
        SourceId { uuid: uuid(A), tag: "t".to_owned() },
        SourceId { uuid: uuid(B), tag: String::new() },
    ]
}

fn set_of(model: &Model) -> GtidSet {
    let mut set = GtidSet::default();
    for &(source, number) in model {
        set.insert(&Gtid { source: sources()[source].clone(), number });
    }
    set
}

fn model() -> impl Strategy<Value = Model> {
    proptest::collection::btree_set((0..3usize, 1..30u64), 0..50)
}

proptest! {
    #[test]
    fn sets_compute_as_sets_of_single_transactions_do(left in model(), right in model()) {
        let (a, b) = (set_of(&left), set_of(&right));

        prop_assert_eq!(a.union(&b), set_of(&(&left | &right)));
        prop_assert_eq!(a.intersection(&b), set_of(&(&left & &right)));
        prop_assert_eq!(a.difference(&b), set_of(&(&left - &right)));
        prop_assert_eq!(a.is_subset(&b), left.is_subset(&right));
        prop_assert_eq!(a.to_string().parse::<GtidSet>().unwrap(), a.clone());
        for source in 0..3 {
            for number in 1..31 {
                let gtid = Gtid { source: sources()[source].clone(), number };
                prop_assert_eq!(a.contains(&gtid), left.contains(&(source, number)));
            }
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,80}") {
        drop(text.parse::<GtidSet>());
    }
}
