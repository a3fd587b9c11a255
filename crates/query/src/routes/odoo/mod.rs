//! What is asked of, and told by, sources of the kind `odoo`. Thin over what holds for any kind: a source of another one is
//! unknown here.

pub(crate) mod hooks;
pub(crate) mod objects;
pub(crate) mod sources;
pub(crate) mod sync;
pub(crate) mod test;

use crate::access::Allowed;
use crate::error::ApiError;
use crate::hooks::HOOKED_KIND as KIND;

/// Refuses a source of another kind as one that is not there.
async fn require<P>(allowed: &Allowed<P>, name: &str) -> Result<(), ApiError> {
    let source = allowed.guarded().sources.show(name).await.map_err(ApiError::sources)?;
    if source.kind == KIND { Ok(()) } else { Err(ApiError::source_unknown(name)) }
}
