//! The inputs of a distributed Map's children.

use super::super::numbers::whole;
use super::super::run::{Run, Trouble};
use super::super::snapshot::{ChildRun, Frame};
use crate::program::{Batcher, Distributed, Map, State};
use crate::{MapRunId, Object, Payload, Value};

impl Run<'_> {
    /// The inputs of the child executions: an item each, or a batch.
    pub(super) fn children_of(
        &mut self,
        frame: &Frame,
        state: &State,
        (map, distributed): (&Map, &Distributed),
        input: &Payload,
        items: &[Value],
        run: MapRunId,
    ) -> Result<Vec<ChildRun>, Trouble> {
        let mut selected = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let item = Payload::from_value(item.clone());
            selected.push(match &map.item_selector {
                Some(template) => self.select_item(frame, state, template, input, (index as u32, &item))?,
                None => item,
            });
        }
        let inputs: Vec<(Payload, u64)> = match &distributed.batcher {
            None => selected.into_iter().map(|input| (input, 1)).collect(),
            Some(batcher) => self.batches(frame, state, batcher, input, &selected)?,
        };
        let first = u64::from(run.0) << 32;
        let named = inputs.into_iter().enumerate().map(|(index, (input, items))| ChildRun {
            input,
            items,
            result: None,
            name: self.state.seed.uuid("child", first | index as u64).into(),
        });
        Ok(named.collect())
    }

    fn batches(
        &mut self,
        frame: &Frame,
        state: &State,
        batcher: &Batcher,
        input: &Payload,
        items: &[Payload],
    ) -> Result<Vec<(Payload, u64)>, Trouble> {
        let (max_items, max_bytes, batch_input) = self.evaluate(
            frame,
            state,
            |evaluation| evaluation.input = input.value().clone(),
            |evaluation| {
                let limit = |text: &Option<crate::program::Text>, field: &str| match text {
                    Some(text) => whole(text, evaluation, field).map(|limit| usize::try_from(limit).ok()),
                    None => Ok(None),
                };
                let batch_input = match &batcher.batch_input {
                    Some(template) => Some(template.evaluate(evaluation, "ItemBatcher/BatchInput")?),
                    None => None,
                };
                Ok((
                    limit(&batcher.max_items, "MaxItemsPerBatch")?
                        .filter(|limit| *limit > 0)
                        .unwrap_or(usize::MAX),
                    limit(&batcher.max_bytes, "MaxInputBytesPerBatch")?
                        .filter(|limit| *limit > 0)
                        .unwrap_or(crate::execution::MAX_PAYLOAD),
                    batch_input,
                ))
            },
        )?;
        let base = batch_input.as_ref().map_or(12, |input| input.json_len() + 27);
        let mut batches = Vec::new();
        let mut batch: Vec<Value> = Vec::new();
        let mut bytes = base;
        for item in items {
            let size = item.byte_len() + 1;
            if !batch.is_empty() && (batch.len() >= max_items || bytes + size > max_bytes) {
                batches.push(std::mem::take(&mut batch));
                bytes = base;
            }
            bytes += size;
            batch.push(item.value().clone());
        }
        if !batch.is_empty() {
            batches.push(batch);
        }
        let wrap = |items: Vec<Value>| {
            let count = items.len() as u64;
            let mut members = Object::default();
            if let Some(input) = &batch_input {
                members.insert("BatchInput".into(), input.clone());
            }
            members.insert("Items".into(), Value::array(items));
            (Payload::from_value(Value::object(members)), count)
        };
        Ok(batches.into_iter().map(wrap).collect())
    }
}
