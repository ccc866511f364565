//! Changes of the catalog that come with no object: they go through its one writer, each in a transaction of its own.

use std::sync::mpsc::sync_channel;

use rusqlite::Transaction;

use crate::ingest::Order;
use crate::{Store, StoreError};

impl Store {
    /// Lends the writer's connection to `change`; what it did is on the disk when this returns, or not done where it gave an error.
    ///
    /// # Errors
    /// Those of `change`; [`StoreError::Catalog`] where it cannot be committed, [`StoreError::Closed`].
    pub(crate) fn changing<T: Send + 'static>(
        &self,
        action: &'static str,
        change: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, done) = sync_channel(1);
        self.order(Order::Change(Box::new(move |connection| {
            let failed = StoreError::catalog;
            let outcome = connection.transaction().map_err(failed(action)).and_then(|transaction| {
                let outcome = change(&transaction)?;
                transaction.commit().map_err(failed(action))?;
                Ok(outcome)
            });
            let _ = answer.send(outcome);
        })))?;
        done.recv().unwrap_or(Err(StoreError::Closed))
    }
}
