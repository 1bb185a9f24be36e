use proptest::prelude::*;
use whimbrel_model::{Change, TransactionPart};

use super::*;

#[path = "../../../../../tests/fuzz/sample.rs"]
mod sample;

/// All items that `events` make, and the error that stops them if one does.
fn read<'a>(events: impl IntoIterator<Item = &'a [u8]>) -> (Vec<LogItem>, Option<LogError>) {
    let mut assembler = Assembler::new([sample::table().unwrap()].into(), 1 << 16);
    let mut items = Vec::new();
    for event in events {
        if let Err(error) = assembler.push(&mut event.to_vec()) {
            return (items, Some(error));
        }
        loop {
            match assembler.pull() {
                Ok(Some(item)) => items.push(item),
                Ok(None) => break,
                Err(error) => return (items, Some(error)),
            }
        }
    }
    (items, None)
}

fn parts(items: &[LogItem]) -> Vec<&TransactionPart> {
    fn part(item: &LogItem) -> Option<&TransactionPart> {
        match item {
            LogItem::Part { part, .. } => Some(part),
            LogItem::Heartbeat { .. } | LogItem::Ddl { .. } => None,
        }
    }
    items.iter().filter_map(part).collect()
}

/// How many rows each transaction inserted, updated and deleted; only of those that did any.
fn counts(items: &[LogItem]) -> Vec<(usize, usize, usize)> {
    let count = |part: &TransactionPart| {
        let of = |is: fn(&Change) -> bool| part.changes.iter().filter(|change| is(change)).count();
        (
            of(|change| matches!(change, Change::Insert { .. })),
            of(|change| matches!(change, Change::Update { .. })),
            of(|change| matches!(change, Change::Delete { .. })),
        )
    };
    parts(items).into_iter().map(count).filter(|&all| all != (0, 0, 0)).collect()
}

#[test]
fn a_whole_log_is_read_to_its_end() {
    let (items, error) = read(sample::events(sample::LOG));

    assert!(error.is_none(), "{error:?}");
    assert_eq!(
        counts(&items),
        [
            (1, 0, 0),
            (2, 0, 0),
            (0, 2, 0),
            (0, 1, 0),
            (2, 0, 1),
            (0, 1, 0),
            (1, 0, 0),
            (1, 0, 0),
            (0, 0, 1),
            (2, 0, 0),
        ]
    );
    let LogItem::Heartbeat { upto } = items.last().unwrap() else { panic!("the rotation") };
    assert_eq!(upto.to_string(), "bin.000003:4");
    let ddl = items.iter().filter(|item| matches!(item, LogItem::Ddl { .. })).count();
    assert_eq!(ddl, 3, "DROP DATABASE, CREATE TABLE, ALTER TABLE");
    assert_eq!(parts(&items).iter().filter(|part| part.prepared.is_some()).count(), 2);
}

#[test]
fn an_unknown_event_stops_the_reader_unless_it_may_be_skipped() {
    let mut unknown = sample::event(99, &[1, 2, 3]);
    let first = sample::events(sample::LOG)[0];

    let (_, error) = read([first, &unknown]);

    assert!(matches!(error, Some(LogError::UnknownEvent { code: 99, .. })), "{error:?}");
    unknown[17] = 0x80;
    assert!(read([first, &unknown]).1.is_none());
}

#[test]
fn incidents_and_transactions_without_identifier_stop_the_reader() {
    let first = sample::events(sample::LOG)[0];

    let (_, incident) = read([first, &sample::event(26, b"\x01\0\x04lost")]);
    let (_, anonymous) = read([first, &sample::event(34, &[0; 42])]);

    assert!(matches!(incident, Some(LogError::Incident { message, .. }) if message == "lost"));
    assert!(matches!(anonymous, Some(LogError::Anonymous { .. })));
}

#[test]
fn rows_outside_their_transaction_or_without_map_stop_the_reader() {
    let prelude = sample::prelude();
    let rows = sample::event(30, &sample::rows_head(30));
    let is_malformed = |error: Option<LogError>| matches!(error, Some(LogError::Malformed { .. }));

    assert!(read(prelude.iter().copied().chain([&rows[..]])).1.is_none());
    assert!(is_malformed(read([prelude[0], &rows]).1));
    assert!(is_malformed(read(prelude[..prelude.len() - 1].iter().copied().chain([&rows[..]])).1));
}

#[test]
fn a_transaction_that_does_not_end_stops_the_reader() {
    let prelude = sample::prelude();
    let begin = *prelude.iter().rfind(|event| event[4] == 33).unwrap();

    let (_, error) = read(prelude.iter().copied().chain([begin]));

    assert!(matches!(error, Some(LogError::Malformed { event: "GTID", .. })), "{error:?}");
}

#[test]
fn truncated_events_are_errors() {
    let events = sample::events(sample::LOG);
    for (index, event) in events.iter().enumerate().skip(1) {
        let body = event[19..].to_vec();
        for length in 0..body.len().min(200) {
            let cut = sample::event(event[4], &body[..length]);

            // Whatever it says, it says it: nothing panics, and nothing is read twice.
            let (items, _) = read(events[..index].iter().copied().chain([&cut[..]]));

            assert!(items.len() <= 2 * events.len());
        }
    }
}

/// A payload event that says it holds `uncompressed` bytes, and holds `payload`.
fn payload_event(compression: u8, payload: &[u8], uncompressed: usize) -> Vec<u8> {
    let packed = |number: usize| {
        let [low, high, ..] = number.to_le_bytes();
        [252, low, high]
    };
    let mut body = vec![2, 1, compression];
    if compression == 255 {
        body = vec![2, 3, 252, 255, 0];
    }
    body.extend_from_slice(&[3, 3]);
    body.extend_from_slice(&packed(uncompressed));
    body.extend_from_slice(&[1, 3]);
    body.extend_from_slice(&packed(payload.len()));
    body.push(0);
    body.extend_from_slice(payload);
    sample::event(40, &body)
}

#[test]
fn payloads_are_as_long_as_they_say_compressed_or_not() {
    let prelude = sample::prelude();
    let gtid_at = prelude.iter().rposition(|event| event[4] == 33).unwrap();
    let (before, inside) = prelude.split_at(gtid_at + 1);
    let mut events = inside.concat();
    events.extend_from_slice(&sample::event(16, &[7; 8]));
    let compressed = zstd::encode_all(&events[..], 3).unwrap();
    let read_with = |event: &[u8]| read(before.iter().copied().chain([event]));

    for event in
        [payload_event(255, &events, events.len()), payload_event(0, &compressed, events.len())]
    {
        let (items, error) = read_with(&event);
        assert!(error.is_none(), "{error:?}");
        assert!(parts(&items).last().unwrap().is_last);
    }
    for event in [
        payload_event(255, &events, events.len() - 1),
        payload_event(255, &events, events.len() + 1),
        payload_event(0, &compressed, events.len() - inside[0].len()),
        payload_event(0, &compressed[..compressed.len() - 9], events.len()),
        payload_event(0, &events, events.len()),
        payload_event(9, &events, events.len()),
    ] {
        let (_, error) = read_with(&event);
        assert!(matches!(error, Some(LogError::Malformed { .. })), "{error:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn changed_bytes_are_never_more_than_an_error(
        at in 0..sample::LOG.len(),
        bytes in proptest::collection::vec(any::<u8>(), 1..5),
    ) {
        let mut log = sample::LOG.to_vec();
        for (old, new) in log[at..].iter_mut().zip(bytes) {
            *old = new;
        }

        let (items, _) = read(sample::events(&log));

        prop_assert!(items.len() < 1_000);
    }

    #[test]
    fn any_row_images_are_rows_or_an_error(
        code in prop::sample::select(vec![23u8, 24, 25, 30, 31, 32, 39]),
        rows in proptest::collection::vec(prop_oneof![Just(0u8), Just(1), any::<u8>()], 0..400),
    ) {
        let mut body = sample::rows_head(code);
        body.extend_from_slice(&rows);
        let event = sample::event(code, &body);

        let (_, error) = read(sample::prelude().into_iter().chain([&event[..]]));

        let is_known = matches!(
            error,
            None | Some(LogError::Malformed { .. } | LogError::Value { .. })
        );
        prop_assert!(is_known, "{error:?}");
    }
}
