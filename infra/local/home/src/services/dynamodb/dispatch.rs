//! Operations by name, typed on the way in and out.

use dynoxide::{Database, DynoxideError};

use super::error::unreadable;

macro_rules! operations {
    ($($name:literal => $method:ident,)*) => {
        /// Carries out an operation; `None` when there is none of that name.
        pub(super) fn dispatch(
            database: &Database,
            operation: &str,
            body: &str,
        ) -> Option<Result<String, DynoxideError>> {
            let run = || match operation {
                $($name => {
                    let request = serde_json::from_str(body).map_err(|error| unreadable(&error))?;
                    let response = database.$method(request)?;
                    serde_json::to_string(&response)
                        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
                })*
                _ => unreachable_operation(operation),
            };
            OPERATIONS.contains(&operation).then(run)
        }

        const OPERATIONS: &[&str] = &[$($name,)*];
    };
}

operations! {
    "BatchExecuteStatement" => batch_execute_statement,
    "BatchGetItem" => batch_get_item,
    "BatchWriteItem" => batch_write_item,
    "CreateTable" => create_table,
    "DeleteItem" => delete_item,
    "DeleteTable" => delete_table,
    "DescribeStream" => describe_stream,
    "DescribeTable" => describe_table,
    "DescribeTimeToLive" => describe_time_to_live,
    "ExecuteStatement" => execute_statement,
    "ExecuteTransaction" => execute_transaction,
    "GetItem" => get_item,
    "GetRecords" => get_records,
    "GetShardIterator" => get_shard_iterator,
    "ListStreams" => list_streams,
    "ListTables" => list_tables,
    "ListTagsOfResource" => list_tags_of_resource,
    "PutItem" => put_item,
    "Query" => query,
    "Scan" => scan,
    "TagResource" => tag_resource,
    "TransactGetItems" => transact_get_items,
    "TransactWriteItems" => transact_write_items,
    "UntagResource" => untag_resource,
    "UpdateItem" => update_item,
    "UpdateTable" => update_table,
    "UpdateTimeToLive" => update_time_to_live,
}

fn unreachable_operation(operation: &str) -> Result<String, DynoxideError> {
    Err(DynoxideError::SerializationException(format!("the operation {operation} is not known")))
}
