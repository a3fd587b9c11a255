//! `$batch`: up to 20 requests in one, each answered, refused or throttled by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value as Json, json};

use super::client::{Client, preferences};
use super::fault::{self, CallError, Refusal};
use super::http::pause;
use crate::SourceError;

/// Requests in a batch at most.
const MOST: usize = 20;

/// Answers that have come, by path, while others were throttled: the driver asks for all of them again, and gets on.
#[derive(Default)]
pub(super) struct Answered(BTreeMap<String, Result<Json, Refusal>>);

impl Client {
    /// Reads some paths; gives the answers in their order, and how many requests it took. If one of them is asked to come back
    /// later, all are, and the next call asks for those alone.
    pub async fn get_all(
        &mut self,
        paths: &[String],
        answered: &mut Answered,
    ) -> Result<(Vec<Result<Json, Refusal>>, u32), CallError> {
        let open: Vec<&String> = paths.iter().filter(|path| !answered.0.contains_key(*path)).collect();
        let mut calls = 0;
        for paths in open.chunks(MOST) {
            calls += 1;
            let parts: Vec<Json> = paths.iter().enumerate().map(|(id, path)| self.part(id, path)).collect();
            let answer = self.post("/$batch", &json!({"requests": parts})).await?;
            if let Some(error) = take(paths, &answer, answered)? {
                return Err(error.into());
            }
        }
        let answers = paths.iter().filter_map(|path| answered.0.get(path).cloned()).collect();
        answered.0.clear();
        Ok((answers, calls))
    }

    fn part(&self, id: usize, path: &str) -> Json {
        let headers = json!({"Prefer": preferences(self.config().page_size)});
        json!({"id": id.to_string(), "method": "GET", "url": path, "headers": headers})
    }
}

/// Takes the answers of a batch in; gives when to come back for those that are missing.
fn take(
    paths: &[&String],
    answer: &Json,
    answered: &mut Answered,
) -> Result<Option<SourceError>, SourceError> {
    let responses = answer.get("responses").and_then(Json::as_array);
    let responses = responses.ok_or_else(|| fault::unexpected("a batch without answers"))?;
    let (mut late, mut longest): (Option<u16>, Option<Duration>) = (None, None);
    let mut seen = 0;
    for response in responses {
        let id = response.get("id").and_then(Json::as_str).and_then(|id| id.parse::<usize>().ok());
        let path =
            id.and_then(|id| paths.get(id)).ok_or_else(|| fault::unexpected("an answer to nothing"))?;
        let status =
            response.get("status").and_then(Json::as_u64).and_then(|status| u16::try_from(status).ok());
        let status = status.and_then(|status| StatusCode::from_u16(status).ok());
        let status = status.ok_or_else(|| fault::unexpected("an answer without a status"))?;
        seen += 1;
        if fault::passes(status) || status == StatusCode::UNAUTHORIZED {
            let headers = response.get("headers").and_then(Json::as_object).into_iter().flatten();
            let mut wanted = headers.filter(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
            let after = wanted.next().and_then(|(_, value)| {
                pause(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
            });
            longest = longest.max(after);
            late = Some(status.as_u16());
            continue;
        }
        let body = response.get("body").cloned().unwrap_or_default();
        let outcome = if status.is_success() { Ok(body) } else { Err(Refusal::of(status.as_u16(), &body)) };
        answered.0.insert((*path).clone(), outcome);
    }
    if late.is_none() && seen < paths.len() {
        return Err(fault::unexpected("a batch with fewer answers than questions"));
    }
    Ok(late.map(|status| fault::busy(status, longest)))
}
