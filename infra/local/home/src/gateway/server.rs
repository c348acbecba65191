//! The gateway's connections.

use std::sync::Arc;

use tokio::net::TcpListener;

use super::Gateway;
use crate::listen::{Closing, connections};

/// Serves the gateway until the home closes, and lets running requests finish.
pub(crate) async fn serve(listener: TcpListener, gateway: Arc<Gateway>, closing: Closing) {
    connections(listener, closing, move |request, peer| {
        let gateway = Arc::clone(&gateway);
        async move { gateway.handle(request, peer).await }
    })
    .await;
}
