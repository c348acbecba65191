//! Streams as their poller reads them: one shard a table, by position.

use dynoxide::actions::get_records::GetRecordsRequest;
use dynoxide::actions::get_shard_iterator::{
    GetShardIteratorRequest, decode_shard_iterator, encode_shard_iterator,
};
use dynoxide::streams::{shard_id, stream_arn};
use serde_json::{Value, json};

use super::{TableError, Tables};

/// Public sequence numbers have 21 digits: a position and this.
const SEQUENCE_NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// Records of a stream in their order, each with its position.
#[derive(Debug, Default)]
pub(crate) struct StreamPage {
    pub(crate) records: Vec<(i64, Value)>,
}

impl Tables {
    /// The records of a table's stream after a position. Blocks on the disk.
    pub(crate) fn stream_page(&self, table: &str, after: i64, most: usize) -> Result<StreamPage, TableError> {
        let shard_iterator = encode_shard_iterator(table, &shard_id(table), after);
        let request = GetRecordsRequest { shard_iterator, limit: Some(most) };
        let response = self.database.get_records(request).map_err(TableError::open)?;
        let records = response.records.iter().map(|record| {
            let position = position_of(&record.dynamodb.sequence_number).unwrap_or(after);
            let mut record = json!(record);
            record["awsRegion"] = json!(&*self.region);
            (position, record)
        });
        Ok(StreamPage { records: records.collect() })
    }

    /// The position of the newest record of a table's stream. Blocks on the disk.
    pub(crate) fn last_position(&self, table: &str) -> Option<i64> {
        let request = GetShardIteratorRequest {
            stream_arn: stream_arn(table, "local"),
            shard_id: shard_id(table),
            shard_iterator_type: "LATEST".into(),
            sequence_number: None,
        };
        let response = self.database.get_shard_iterator(request).ok()?;
        decode_shard_iterator(&response.shard_iterator?).map(|(_, _, position)| position)
    }
}

fn position_of(sequence_number: &str) -> Option<i64> {
    let number: u128 = sequence_number.parse().ok()?;
    i64::try_from(number.checked_sub(SEQUENCE_NUMBER_OFFSET)?).ok()
}
