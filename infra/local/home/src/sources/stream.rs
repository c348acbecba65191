//! Streams that feed functions, as Lambda's DynamoDB event sources do: in order, at least once, and again until
//! the function takes them.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::pattern::fits;
use crate::functions::Functions;
use crate::listen::Closing;
use crate::services::dynamodb::{StreamPage, Tables};
use crate::template::model::StreamSource;

/// How long to wait for a write that nobody told of.
const IDLE: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Feeds a function from a table's stream.
pub(crate) struct StreamPoller {
    source: StreamSource,
    tables: Tables,
    functions: Arc<Functions>,
    /// Where the position is kept.
    file: PathBuf,
    position: watch::Sender<i64>,
}

/// What became of a batch.
enum Outcome {
    /// All of it is done.
    Done,
    /// The first so many records are done.
    DoneUpTo(usize),
    Failed,
}

impl StreamPoller {
    /// A poller that goes on where the last one in this folder stopped.
    pub(crate) fn new(
        source: StreamSource,
        tables: Tables,
        functions: Arc<Functions>,
        folder: &Path,
    ) -> Self {
        let file = folder.join(format!("{}--{}.position", source.function, source.table));
        let kept = std::fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok());
        let position = kept.unwrap_or_else(|| {
            if source.from_beginning { 0 } else { tables.last_position(&source.table).unwrap_or(0) }
        });
        Self { source, tables, functions, file, position: watch::Sender::new(position) }
    }

    /// The table, and how far its stream has been taken.
    pub(crate) fn progress(&self) -> (String, watch::Receiver<i64>) {
        (self.source.table.clone(), self.position.subscribe())
    }

    /// Feeds the function until the home closes.
    pub(crate) async fn run(self, mut closing: Closing) {
        let mut changes = self.tables.changes();
        // Read in a statement of its own: the guard must be gone before the position is written.
        let kept = *self.position.borrow();
        self.keep(kept);
        loop {
            changes.mark_unchanged();
            let page = self.page(&mut changes, &mut closing).await;
            if *closing.borrow() {
                return;
            }
            if !page.records.is_empty() {
                self.feed(page, &mut closing).await;
                continue;
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(IDLE) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    /// Reads a batch, and waits for it to fill as long as the template says.
    async fn page(&self, changes: &mut watch::Receiver<u64>, closing: &mut Closing) -> StreamPage {
        let until = Instant::now() + self.source.batching_window;
        loop {
            let page = self.read().await;
            let full = page.records.len() >= self.source.batch_size;
            if page.records.is_empty() || full || Instant::now() >= until {
                return page;
            }
            changes.mark_unchanged();
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(until) => {}
                _ = closing.wait_for(|closing| *closing) => return page,
            }
        }
    }

    async fn read(&self) -> StreamPage {
        let (tables, table) = (self.tables.clone(), self.source.table.clone());
        let (position, most) = (*self.position.borrow(), self.source.batch_size);
        let read = tokio::task::spawn_blocking(move || tables.stream_page(&table, position, most)).await;
        match read {
            Ok(Ok(page)) => page,
            Ok(Err(error)) => {
                tracing::error!(table = %self.source.table, %error, "a stream cannot be read");
                tokio::time::sleep(Duration::from_secs(1)).await;
                StreamPage::default()
            }
            Err(_) => StreamPage::default(),
        }
    }

    /// Hands a page's records to the function, again and again until it has taken all of them.
    async fn feed(&self, page: StreamPage, closing: &mut Closing) {
        let mut rest: Vec<(i64, Value)> = page.records;
        let mut size = rest.len();
        let mut attempts = 0;
        let mut pause = FIRST_PAUSE;
        while !rest.is_empty() {
            size = size.clamp(1, rest.len());
            let done = match self.attempt(&rest[..size]).await {
                Outcome::Done => size,
                Outcome::DoneUpTo(done) if done > 0 => done,
                Outcome::DoneUpTo(_) | Outcome::Failed => {
                    attempts += 1;
                    if self.source.retries.is_some_and(|retries| attempts > retries) {
                        let (first, _) = &rest[0];
                        tracing::error!(table = %self.source.table, position = first, records = size,
                            "records were given up, as the template says");
                        size
                    } else {
                        if self.source.bisect {
                            size = size.div_ceil(2);
                        }
                        tokio::select! {
                            () = tokio::time::sleep(pause) => {}
                            _ = closing.wait_for(|closing| *closing) => return,
                        }
                        pause = (pause * 2).min(LONGEST_PAUSE);
                        continue;
                    }
                }
            };
            self.keep(rest[done - 1].0);
            rest.drain(..done);
            size = rest.len();
            (attempts, pause) = (0, FIRST_PAUSE);
        }
    }

    async fn attempt(&self, records: &[(i64, Value)]) -> Outcome {
        let wanted: Vec<Value> = records
            .iter()
            .filter(|(_, record)| {
                self.source.filters.is_empty()
                    || self.source.filters.iter().any(|filter| fits(filter, record))
            })
            .map(|(_, record)| {
                let mut record = record.clone();
                record["eventSourceARN"] = json!(self.source.stream_arn);
                record
            })
            .collect();
        if wanted.is_empty() {
            return Outcome::Done;
        }
        let payload = Bytes::from(json!({ "Records": wanted }).to_string());
        match self.functions.invoke(&self.source.function, payload).await {
            Ok(Ok(answer)) if self.source.partial_failures => reported(&answer, records),
            Ok(Ok(_)) => Outcome::Done,
            Ok(Err(_)) | Err(_) => Outcome::Failed,
        }
    }

    /// Writes the position down. Losing the newest means handing records over once more.
    fn keep(&self, position: i64) {
        self.position.send_replace(position);
        if let Err(error) = replace(&self.file, position.to_string().as_bytes()) {
            tracing::error!(file = %self.file.display(), %error, "a stream's position cannot be kept");
        }
    }
}

/// How far the function got by its own account: everything from the first failed record on comes again.
fn reported(answer: &[u8], records: &[(i64, Value)]) -> Outcome {
    let Ok(answer) = serde_json::from_slice::<Value>(answer) else { return Outcome::Failed };
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Outcome::Done,
        Some(Value::Array(failures)) => failures,
        Some(_) => return Outcome::Failed,
    };
    let mut first = records.len();
    for failure in failures {
        let id = failure.get("itemIdentifier").and_then(Value::as_str);
        let place =
            records.iter().position(|(_, record)| record["dynamodb"]["SequenceNumber"].as_str() == id);
        match (id, place) {
            (Some(_), Some(place)) => first = first.min(place),
            _ => return Outcome::Failed,
        }
    }
    if first == records.len() { Outcome::Done } else { Outcome::DoneUpTo(first) }
}

/// Replaces a file's content, so that a crash leaves the old or the new.
pub(super) fn replace(file: &Path, content: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    let mut new = std::fs::File::create(&beside)?;
    new.write_all(content)?;
    std::fs::rename(beside, file)
}
