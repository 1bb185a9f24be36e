//! Asks for the types of those nodes of documents whose text leaves them open.

use mysql_async::Value;
use whimbrel_model::{Cell, Key, Row, Table};

use crate::{
    error::Error,
    json::{self, JsonError, NodeType, text_literal},
    session::Session,
    statement::equal,
    types::{RowDecoder, quoted, unexpected},
};

/// The most bytes of a question, unless one path is longer: it holds the paths of many nodes, each
/// of which the server parses and keeps while it answers.
const QUESTION_BYTES_MAX: usize = 256 << 10;

/// The most nodes that one part of a question names, as columns have a limit of 4,096.
const PART_NODES_MAX: usize = 1_000;

/// A document of which more must be asked.
pub(super) struct Open {
    /// The row's place in the chunk.
    pub(super) row: usize,
    /// The cell's place in the row.
    pub(super) cell: usize,
}

/// Brings the open documents into their canonical form.
///
/// # Errors
///
/// Those of the session, [`Error::Value`] for a document that cannot be carried, and
/// [`Error::Unexpected`] when a row is not there any more: the session has no read view.
pub(super) async fn close(
    session: &mut Session,
    table: &Table,
    rows: &mut [(Key, Row)],
    open: &[Open],
) -> Result<(), Error> {
    let mut decoder = RowDecoder::new(table);
    let mut question = Question::default();
    // The documents whose nodes are all in the question, in order.
    let mut asked: Vec<(&Open, usize)> = Vec::new();
    let mut types: Vec<NodeType> = Vec::new();
    for document in open {
        let (key, row) =
            rows.get(document.row).ok_or_else(|| unexpected("an open row is not in its chunk"))?;
        let paths = paths(table, row, document.cell)?;
        let column = quoted(column_name(table, document.cell)?);
        let mut place = format!(" FROM {} WHERE ", super::from(table)).into_bytes();
        equal(&mut place, table, key)?;
        for part in paths.chunks(PART_NODES_MAX) {
            let mut select = Vec::new();
            for path in part {
                select.extend_from_slice(if select.is_empty() { b"CONCAT_WS(','," } else { b"," });
                select.extend_from_slice(format!("JSON_TYPE(JSON_EXTRACT({column},").as_bytes());
                text_literal(path, &mut select);
                select.extend_from_slice(b"))");
            }
            select.push(b')');
            select.extend_from_slice(&place);
            if question.is_full(&select) {
                types.extend(question.ask(session).await?);
            }
            question.push(&select, part.len());
        }
        asked.push((document, paths.len()));
    }
    types.extend(question.ask(session).await?);
    let mut rest = types.as_slice();
    for (document, node_count) in asked {
        let (types, after) = rest
            .split_at_checked(node_count)
            .ok_or_else(|| unexpected("a document's nodes have no types"))?;
        rest = after;
        if let Some((_, row)) = rows.get_mut(document.row) {
            *row = decoder.close(row, document.cell, types)?;
        }
    }
    Ok(())
}

fn column_name(table: &Table, cell: usize) -> Result<&str, Error> {
    let column = table.carried_columns().nth(cell);
    column.map(|column| column.name.as_str()).ok_or_else(|| unexpected("a cell has no column"))
}

fn paths(table: &Table, row: &Row, cell: usize) -> Result<Vec<Vec<u8>>, Error> {
    let Some(Cell::Json(text)) = row.cell(cell) else {
        return Err(unexpected("an open document is none"));
    };
    let refused = |cause: JsonError| Error::Value {
        column: column_name(table, cell).unwrap_or_default().to_owned(),
        cause,
    };
    json::ambiguous_paths(text).map_err(refused)
}

/// A statement of many parts, each of which answers one row with the types of some nodes.
#[derive(Default)]
struct Question {
    sql: Vec<u8>,
    /// The nodes of each part.
    node_counts: Vec<usize>,
}

impl Question {
    fn is_full(&self, part: &[u8]) -> bool {
        !self.sql.is_empty() && self.sql.len() + part.len() > QUESTION_BYTES_MAX
    }

    fn push(&mut self, part: &[u8], node_count: usize) {
        if !self.sql.is_empty() {
            self.sql.extend_from_slice(b" UNION ALL ");
        }
        let number = self.node_counts.len();
        self.sql.extend_from_slice(format!("SELECT {number},").as_bytes());
        self.sql.extend_from_slice(part);
        self.node_counts.push(node_count);
    }

    /// The types of all nodes, in order.
    async fn ask(&mut self, session: &mut Session) -> Result<Vec<NodeType>, Error> {
        let question = std::mem::take(self);
        if question.sql.is_empty() {
            return Ok(Vec::new());
        }
        let sql = String::from_utf8(question.sql)
            .map_err(|_| unexpected("a document's key is not UTF-8"))?;
        let mut answers: Vec<Vec<NodeType>> = vec![Vec::new(); question.node_counts.len()];
        session
            .stream(&sql, |values| {
                let [Value::Int(number), Value::Bytes(names)] = values else {
                    return Err(unexpected("the types of nodes are not as asked"));
                };
                let answer = usize::try_from(*number).ok().and_then(|part| answers.get_mut(part));
                let answer = answer.filter(|answer| answer.is_empty());
                let answer = answer.ok_or_else(|| unexpected("a part was answered twice"))?;
                answer.extend(names.split(|&byte| byte == b',').map(NodeType::named));
                Ok(())
            })
            .await?;
        let is_complete =
            answers.iter().zip(&question.node_counts).all(|(types, &count)| types.len() == count);
        if !is_complete {
            return Err(unexpected("a row that was read is not there any more"));
        }
        Ok(answers.into_iter().flatten().collect())
    }
}
