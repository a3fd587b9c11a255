//! Pages from which the server takes what cannot be read after it has applied the limit.

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::server::{Call, Reply, Server, odoo};
use super::settings;
use crate::odoo::DESCRIPTOR;
use crate::{Extent, Page, Source};

/// Messages by id, ascending, and whether they can be read.
type Stock = Vec<(i64, bool)>;

/// Stretches of messages, readable or not, with gaps of ids before them.
fn stock() -> impl Strategy<Value = Stock> {
    prop::collection::vec((0_usize..60, any::<bool>(), 1_i64..5_000), 0..8).prop_map(|stretches| {
        let (mut stock, mut last) = (Vec::new(), 0);
        for (length, readable, gap) in stretches {
            last += gap;
            stock.extend((0..length).map(|_| {
                last += 1;
                (last, readable)
            }));
        }
        stock
    })
}

/// The ids that a search finds: cut to the limit, and only then to what can be read.
fn found(call: &Call, stock: &Stock) -> Vec<i64> {
    let place = call.params[5][0].as_array().unwrap().iter().find(|term| term[0] == "id");
    let accepts = |id: i64| match place.map(|term| (&term[1], &term[2])) {
        Some((operator, bound)) if operator == ">" => id > bound.as_i64().unwrap(),
        Some((_, ids)) => ids.as_array().unwrap().contains(&json!(id)),
        None => true,
    };
    let limit = call.keyword("limit").and_then(Json::as_u64).unwrap() as usize;
    let cut = stock.iter().filter(|(id, _)| accepts(*id)).take(limit);
    cut.filter(|(_, readable)| *readable).map(|(id, _)| *id).collect()
}

async fn server(stock: Stock) -> Server {
    Server::start(move |call| match (call.model(), call.verb()) {
        ("mail.message", "search") => Reply::Value(json!(found(call, &stock))),
        ("mail.message", "search_read") => {
            let row = |id: i64| json!({ "id": id, "write_date": "2026-06-01 10:00:00", "author_id": 3 });
            Reply::Value(found(call, &stock).into_iter().map(row).collect())
        }
        _ => odoo(call),
    })
    .await
}

async fn pages(server: &Server, page_size: usize) -> Vec<Page> {
    let size = page_size.to_string();
    let mut source: Box<dyn Source> =
        DESCRIPTOR.open.unwrap()(settings(&server.url, &[("page_size", &size)])).unwrap();
    let plans = source.connect().await.unwrap().plans;
    let messages = &plans.iter().find(|plan| plan.object.as_str() == "mail.message").unwrap().object;
    let (mut pages, mut from): (Vec<Page>, Option<Json>) = (Vec::new(), None);
    loop {
        let page = source.page(messages, Extent::All, from.as_ref()).await.unwrap();
        from = page.next.as_ref().map(|next| serde_json::from_str(&next.to_string()).unwrap());
        pages.push(page);
        if from.is_none() {
            return pages;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn each_readable_message_is_read_once_with_few_requests(stock in stock(), page_size in 1_usize..40) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = server(stock.clone()).await;
            let pages = pages(&server, page_size).await;
            let keys: Vec<_> = pages.iter().flat_map(|page| &page.records).map(|record| &*record.key).collect();
            let readable = stock.iter().filter(|(_, readable)| *readable).map(|(id, _)| id.to_string());
            prop_assert_eq!(&keys, &readable.collect::<Vec<_>>());
            prop_assert!(pages.iter().all(|page| page.records.len() <= page_size));
            let calls = server.calls().iter().filter(|call| call.model() == "mail.message").count() - 1;
            // A dozen for the end alone, whose limits go up to the highest id there can be.
            prop_assert!(calls <= 4 * (stock.len() / page_size + 1) + 12, "{} calls for {} messages", calls, stock.len());
            let counted: u32 = pages.iter().map(|page| page.calls).sum();
            let users = if keys.is_empty() { 0 } else { 2 };
            prop_assert_eq!(counted as usize, calls + users);
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn the_cursor_holds_the_place_and_asks_for_pages_of_the_same_size() {
    let stock = (1..=100).map(|id| (id, id > 50)).collect();
    let pages = pages(&server(stock).await, 10).await;
    let lengths: Vec<_> = pages.iter().map(|page| page.records.len()).collect();
    assert_eq!(lengths, [10, 10, 10, 10, 10, 0]);
    assert_eq!(pages[0].next, Some(json!({ "after": 60, "limit": 10, "total": null })));
}
