//! `multicol`: the first bytes of the keyspace ids of several columns.

use crate::{
    KeyspaceId, Value,
    vindex::{
        Unmapped, VindexError,
        column::{Column, of_bytes},
        params::Params,
    },
};

const COUNT: &str = "column_count";
const BYTES: &str = "column_bytes";
const VINDEX: &str = "column_vindex";

/// The bytes of a keyspace id that its columns share, and the most columns.
const ID_BYTES_MAX: usize = 8;

/// The columns' vindexes, and how many bytes of the keyspace id are theirs.
#[derive(Debug, Clone)]
pub(super) struct Multicol {
    columns: Vec<(Column, usize)>,
}

impl Multicol {
    pub(super) fn new(params: Params<'_>) -> Result<Self, VindexError> {
        let expected = "a number from 1 to 8";
        let count = params.number(COUNT, params.required(COUNT)?, expected)?;
        if !(1..=ID_BYTES_MAX).contains(&count) {
            return Err(params.wrong(COUNT, expected));
        }
        let bytes = bytes(params, count)?;
        let vindexes = params.text(VINDEX).unwrap_or_default();
        let mut kinds = vindexes.split(',').map(str::trim);
        let columns = bytes.into_iter().map(|bytes| {
            let kind = kinds.next().filter(|kind| !kind.is_empty()).unwrap_or("hash");
            Ok((Column::nested(params, VINDEX, kind)?, bytes))
        });
        let columns = columns.collect::<Result<_, VindexError>>()?;
        if kinds.next().is_some() {
            return Err(params.wrong(VINDEX, "a list of no more vindexes than there are columns"));
        }
        Ok(Self { columns })
    }

    /// The parameters that it or one of its columns' vindexes knows.
    pub(super) fn params(&self) -> Vec<&'static str> {
        let of_columns = self.columns.iter().flat_map(|(column, _)| column.params());
        [COUNT, BYTES, VINDEX].iter().chain(of_columns).copied().collect()
    }

    pub(super) fn column_count(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn maps_integers_alone(&self, column_index: usize) -> bool {
        let column = self.columns.get(column_index);
        column.is_some_and(|(column, _)| column.maps_integers_alone())
    }

    pub(super) fn keyspace_id(&self, values: &[Value<'_>]) -> Result<KeyspaceId, Unmapped> {
        if values.len() != self.columns.len() {
            return Err(Unmapped::ColumnCount);
        }
        let mut bytes = [0; ID_BYTES_MAX];
        let (mut start, mut length) = (0, 0);
        for ((column, share), value) in self.columns.iter().zip(values) {
            let id = column.keyspace_id(value)?;
            // What a column leaves of its share stays zero, but that of the last is not there.
            let own = bytes.iter_mut().skip(start).take(*share).zip(id.as_bytes());
            length = start + own.len();
            own.for_each(|(byte, own)| *byte = *own);
            start += share;
        }
        Ok(of_bytes(bytes.get(..length).unwrap_or_default()))
    }
}

/// How many bytes each column has: those that are not said share what is left, the first of them more.
fn bytes(params: Params<'_>, count: usize) -> Result<Vec<usize>, VindexError> {
    let expected =
        "a list of no more numbers than there are columns, which leave one of 8 for each other";
    let listed = params.text(BYTES).unwrap_or_default().split(',').map(|text| {
        let is_said = !text.is_empty();
        is_said.then(|| params.number::<usize>(BYTES, text, expected)).transpose()
    });
    let mut said = listed.collect::<Result<Vec<_>, _>>()?;
    if said.len() > count {
        return Err(params.wrong(BYTES, expected));
    }
    said.resize(count, None);
    let used = said.iter().flatten().try_fold(0_usize, |sum, &bytes| sum.checked_add(bytes));
    let mut pending = said.iter().filter(|bytes| bytes.is_none()).count();
    let left = used.and_then(|used| ID_BYTES_MAX.checked_sub(used)).filter(|left| pending <= *left);
    let mut left = left.ok_or_else(|| params.wrong(BYTES, expected))?;
    let bytes = said.into_iter().map(|bytes| {
        bytes.unwrap_or_else(|| {
            let share = left.div_ceil(pending);
            left -= share;
            pending -= 1;
            share
        })
    });
    Ok(bytes.collect())
}
