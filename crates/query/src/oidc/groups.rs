//! Groups that did not fit into a token, asked of Microsoft Graph as the person who signs in.

use std::collections::BTreeSet;

use reqwest::Url;
use secrecy::SecretString;
use serde_json::Value;

use super::Refusal;
use super::client::Client;

/// 999 groups each: more than anybody can be in.
const MOST_PAGES: usize = 20;

/// Every group that the bearer is in, directly or through others. All of them or a refusal: a part might give less
/// than what the person is meant to have, and say nothing.
pub(crate) async fn memberships(
    client: &Client,
    base: &str,
    token: &SecretString,
) -> Result<BTreeSet<String>, Refusal> {
    let first = format!("{}/v1.0/me/transitiveMemberOf?$select=id&$top=999", base.trim_end_matches('/'));
    let base = Url::parse(base).map_err(|_| Refusal::GroupsIncomplete)?;
    let (mut groups, mut next) = (BTreeSet::new(), Some(first));
    for _ in 0..MOST_PAGES {
        let Some(page) = next else { return Ok(groups) };
        // The token goes to the configured server and to no other, whatever the answer says.
        let url = Url::parse(&page).ok().filter(|url| url.origin() == base.origin());
        let url = url.ok_or(Refusal::GroupsIncomplete)?;
        let answer = client.with_bearer(url, token).await.map_err(|_| Refusal::GroupsIncomplete)?;
        let items = answer.get("value").and_then(Value::as_array).ok_or(Refusal::GroupsIncomplete)?;
        groups.extend(items.iter().filter_map(|item| item.get("id")?.as_str().map(str::to_owned)));
        next = answer.get("@odata.nextLink").and_then(Value::as_str).map(str::to_owned);
    }
    if next.is_none() { Ok(groups) } else { Err(Refusal::GroupsIncomplete) }
}
