use proptest::prelude::*;
use whimbrel_model::Row;

use super::*;

fn decode(decode: Decode, bytes: &[u8]) -> Result<Row, String> {
    let mut row = RowBuilder::default();
    decode.push(bytes, &mut row)?;
    Ok(row.finish())
}

#[track_caller]
fn check(how: Decode, bytes: &[u8], cell: Cell<'_>) {
    let row = decode(how, bytes).unwrap();
    assert_eq!(row.cells().collect::<Vec<_>>(), [cell]);
}

#[test]
fn integers_of_three_bytes_keep_their_sign() {
    check(Decode::Signed, &[0xff, 0xff, 0xff], Cell::Int(-1));
    check(Decode::Signed, &[0, 0, 0x80], Cell::Int(-8_388_608));
    check(Decode::Signed, &[0xff, 0xff, 0x7f], Cell::Int(8_388_607));
    check(Decode::Unsigned, &[0xff, 0xff, 0xff], Cell::UInt(16_777_215));
}

#[test]
fn fractions_of_negative_times_are_of_the_whole_number() {
    // -00:00:00.1 as TIME(2), -00:00:01.000001 as TIME(6).
    check(
        Decode::Time { fsp: 2 },
        &[0x7f, 0xff, 0xff, 0xf6],
        Cell::Time(Time { micros: -100_000 }),
    );
    check(
        Decode::Time { fsp: 6 },
        &[0x7f, 0xff, 0xfe, 0xff, 0xff, 0xff],
        Cell::Time(Time { micros: -1_000_001 }),
    );
}

#[test]
fn what_is_left_out_of_binary_is_filled_up() {
    check(Decode::Padded { length: 4 }, &[1, 2], Cell::Bytes(&[1, 2, 0, 0]));
    assert!(decode(Decode::Padded { length: 1 }, &[1, 2]).is_err());
}

#[test]
fn years_begin_in_1901_but_for_zero() {
    check(Decode::Year, &[0], Cell::UInt(0));
    check(Decode::Year, &[1], Cell::UInt(1901));
    check(Decode::Year, &[255], Cell::UInt(2155));
}

#[test]
fn dates_and_times_that_cannot_be_are_refused() {
    // Month 13, hour 24, and a fraction of a hundred hundredths.
    assert!(decode(Decode::Date, &[0xa1, 0xcf, 0x0f]).is_err());
    assert!(decode(Decode::Datetime { fsp: 0 }, &[0x99, 0xb2, 0x79, 0x80, 0]).is_err());
    assert!(decode(Decode::Timestamp { fsp: 2 }, &[0, 0, 0, 1, 100]).is_err());
}

fn any_decode() -> impl Strategy<Value = Decode> {
    let fsp = 0..7u8;
    prop_oneof![
        Just(Decode::Signed),
        Just(Decode::Unsigned),
        Just(Decode::Bit),
        Just(Decode::Float),
        Just(Decode::Double),
        Just(Decode::Year),
        Just(Decode::Date),
        Just(Decode::Bytes),
        Just(Decode::Json),
        fsp.clone().prop_map(|fsp| Decode::Time { fsp }),
        fsp.clone().prop_map(|fsp| Decode::Datetime { fsp }),
        fsp.prop_map(|fsp| Decode::Timestamp { fsp }),
        (1..66u8, 0..31u8).prop_map(|(precision, scale)| Decode::Decimal { precision, scale }),
        any::<u8>().prop_map(|length| Decode::Padded { length }),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_a_cell_or_an_error(
        how in any_decode(),
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        if let Ok(row) = decode(how, &bytes) {
            prop_assert_eq!(row.cells().count(), 1);
        }
    }
}
