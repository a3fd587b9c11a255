//! Reading pages from a server.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value as Json, json};

use super::super::objects::OBJECTS;
use super::server::{Call, Reply, Server, odoo, rows};
use super::{fixture_records, map, settings};
use crate::odoo::DESCRIPTOR;
use crate::{Extent, ObjectPlan, Page, Source, SourceError};

async fn source(server: &Server, more: &[(&str, &str)]) -> (Box<dyn Source>, Vec<ObjectPlan>) {
    let mut source = DESCRIPTOR.open.unwrap()(settings(&server.url, more)).unwrap();
    let plans = source.connect().await.unwrap().plans;
    (source, plans)
}

/// Every page of an object, from a cursor on. Cursors take the way through a store: text and back.
async fn read(source: &mut dyn Source, plan: &ObjectPlan) -> Result<Vec<Page>, SourceError> {
    let (mut pages, mut from): (Vec<Page>, Option<Json>) = (Vec::new(), None);
    loop {
        let page = source.page(&plan.object, Extent::All, from.as_ref()).await?;
        from = page.next.as_ref().map(|next| serde_json::from_str(&next.to_string()).unwrap());
        pages.push(page);
        if from.is_none() {
            return Ok(pages);
        }
    }
}

fn of<'a>(plans: &'a [ObjectPlan], object: &str) -> &'a ObjectPlan {
    plans.iter().find(|plan| plan.object.as_str() == object).unwrap()
}

#[tokio::test]
async fn everything_is_read_once_in_order() {
    let server = Server::start(odoo).await;
    for size in ["1", "2", "3", "500"] {
        let (mut source, plans) = source(&server, &[("page_size", size)]).await;
        let order: Vec<_> = plans.iter().map(|plan| plan.object.as_str()).collect();
        assert_eq!(order, OBJECTS.iter().map(|object| object.name).collect::<Vec<_>>());
        for plan in &plans {
            let object = plan.object.as_str();
            let pages = read(&mut *source, plan).await.unwrap();
            let records: Vec<_> = pages.iter().flat_map(|page| page.records.clone()).collect();
            assert_eq!(records, fixture_records(object), "{object}, pages of {size}");
            if object != "mail.message" {
                assert!(pages.iter().all(|page| page.total == Some(records.len() as u64)));
                assert_eq!(pages.iter().map(|page| page.calls).sum::<u32>(), 1 + pages.len() as u32);
            }
            assert!(pages.last().unwrap().records.is_empty(), "only an empty page is the end");
            for record in records {
                map(object, record).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn only_fields_that_are_there_are_asked_for() {
    let server = Server::start(|call| match (call.verb(), call.model()) {
        ("fields_get", "crm.lead") => Reply::Value(json!({
            "id": {}, "name": { "type": "char", "store": true }, "write_date": {}, "lead_properties": {},
            "x_budget": { "type": "monetary", "store": true }, "x_photo": { "type": "binary", "store": true },
            "x_computed": { "type": "char", "store": false }, "duration_tracking": {},
        })),
        _ => odoo(call),
    })
    .await;
    let (mut source, plans) = source(&server, &[]).await;
    let lead = of(&plans, "crm.lead");
    assert!(
        lead.missing_fields.contains(&"expected_revenue".to_owned())
            && !lead.missing_fields.contains(&"name".to_owned())
    );
    source.page(&lead.object, Extent::All, None).await.unwrap();
    let asked = server.calls_of("crm.lead", "search_read")[0].keyword("fields").cloned();
    assert_eq!(asked, Some(json!(["id", "name", "write_date", "x_budget"])));
    assert_eq!(server.calls_of("crm.lead", "search_read")[0].keyword("load"), Some(&json!(false)));
}

#[tokio::test]
async fn a_field_that_vanishes_is_dropped_in_mid_run() {
    let discoveries = AtomicUsize::new(0);
    let server = Server::start(move |call| match (call.verb(), call.model()) {
        ("fields_get", "crm.stage") => {
            let again = discoveries.fetch_add(1, Ordering::SeqCst) > 0;
            Reply::Value(if again {
                json!({ "name": {}, "write_date": {} })
            } else {
                json!({ "name": {}, "fold": {}, "write_date": {} })
            })
        }
        ("search_read", "crm.stage")
            if call.keyword("fields").unwrap().as_array().unwrap().contains(&json!("fold")) =>
        {
            Reply::Fault(
                1,
                "Traceback (most recent call last):\nValueError: Invalid field 'fold' on model 'crm.stage'",
            )
        }
        _ => odoo(call),
    })
    .await;
    let (mut source, plans) = source(&server, &[]).await;
    let page = source.page(&of(&plans, "crm.stage").object, Extent::All, None).await.unwrap();
    assert_eq!((page.records.len(), page.calls), (rows("crm.stage").len(), 4));
}

#[tokio::test]
async fn a_field_that_stays_invalid_is_an_error_not_a_loop() {
    let server = Server::start(|call| match call.verb() {
        "search_read" => Reply::Fault(
            1,
            "Traceback (most recent call last):\nValueError: Invalid field 'name' on model 'crm.stage'",
        ),
        _ => odoo(call),
    })
    .await;
    let (mut source, plans) = source(&server, &[]).await;
    let error = source.page(&of(&plans, "crm.stage").object, Extent::All, None).await.unwrap_err();
    assert!(matches!(error, SourceError::Permanent { code: "server-fault", .. }), "{error:?}");
    assert_eq!(server.calls_of("crm.stage", "search_read").len(), 3);
}

#[tokio::test]
async fn servers_before_15_are_read_in_two_steps() {
    let server = Server::start(|call| match call.verb() {
        "search_read" => Reply::Fault(1, "Traceback (most recent call last):\nTypeError: search_read() got an unexpected keyword argument 'load'"),
        _ => odoo(call),
    })
    .await;
    let (mut source, plans) = source(&server, &[("page_size", "3")]).await;
    for plan in &plans {
        let pages = read(&mut *source, plan).await.unwrap();
        let records: Vec<_> = pages.into_iter().flat_map(|page| page.records).collect();
        assert_eq!(records, fixture_records(plan.object.as_str()));
    }
    let tried = server.calls().iter().filter(|call| call.verb() == "search_read").count();
    assert_eq!(tried, 1, "the server's limit is learnt once");
}

#[tokio::test]
async fn a_killed_request_is_tried_again_with_half_the_records() {
    let limit = |call: &Call| call.keyword("limit").and_then(Json::as_u64).unwrap_or(0);
    let server = Server::start(move |call| match call.verb() {
        "search_read" if limit(call) > 100 => Reply::Close,
        _ => odoo(call),
    })
    .await;
    let (mut source, plans) = source(&server, &[]).await;
    let lead = of(&plans, "crm.lead");
    let mut attempts = 0;
    let page = loop {
        attempts += 1;
        match source.page(&lead.object, Extent::All, None).await {
            Ok(page) => break page,
            Err(error) => assert!(matches!(error, SourceError::Transient { .. }), "{error:?}"),
        }
    };
    assert_eq!(attempts, 4, "500, 250, 125, 62");
    assert_eq!(page.next.unwrap()["limit"], json!(62), "the next run need not learn it again");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_asked_for_in_smaller_pieces() {
    let server = Server::start(|call| match (call.verb(), call.keyword("limit")) {
        ("search_read", Some(limit)) if limit.as_u64() > Some(3) => {
            Reply::Http("HTTP/1.1 200 OK\r\nContent-Length: 1100000\r\n".to_owned(), vec![b' '; 1_100_000])
        }
        _ => odoo(call),
    })
    .await;
    let (mut source, plans) = source(&server, &[("max_answer_megabytes", "1"), ("page_size", "4")]).await;
    let stage = &of(&plans, "crm.stage").object;
    let error = source.page(stage, Extent::All, None).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Transient { message, .. } if message.contains("longer than 1 MB")),
        "{error:?}"
    );
    assert_eq!(source.page(stage, Extent::All, None).await.unwrap().records.len(), 2);
}

#[tokio::test]
async fn answers_that_would_never_end_are_refused() {
    let wrong: [fn() -> Json; 4] = [
        || json!([{ "id": 1, "name": "x" }, { "id": 1, "name": "x" }]),
        || json!([{ "name": "x" }]),
        || json!({ "id": 1 }),
        || json!([1, 2]),
    ];
    for rows in wrong {
        let server =
            Server::start(
                move |call| if call.verb() == "search_read" { Reply::Value(rows()) } else { odoo(call) },
            )
            .await;
        let (mut source, plans) = source(&server, &[]).await;
        let error = source.page(&of(&plans, "crm.stage").object, Extent::All, None).await.unwrap_err();
        assert!(matches!(error, SourceError::Permanent { code: "unexpected-answer", .. }), "{error:?}");
    }
}

#[tokio::test]
async fn unknown_objects_and_broken_cursors_are_permanent() {
    let server = Server::start(odoo).await;
    let (mut source, plans) = source(&server, &[]).await;
    let error = source
        .page(&of(&plans, "crm.stage").object, Extent::All, Some(&json!({ "page": 2 })))
        .await
        .unwrap_err();
    assert!(matches!(error, SourceError::Permanent { code: "invalid-cursor", .. }));
    let other = salescommand_domain::raw::ObjectName::new("sale.order").unwrap();
    assert!(matches!(
        source.page(&other, Extent::All, None).await,
        Err(SourceError::Permanent { code: "unknown-object", .. })
    ));
}

/// Between finding ids and reading them, people delete records.
#[tokio::test]
async fn a_page_whose_records_have_all_gone_is_not_the_end() {
    let server = Server::start(|call| match call.verb() {
        "search_read" => Reply::Fault(1, "TypeError: got an unexpected keyword argument 'load'"),
        "read" if call.params[5][0].as_array().unwrap().contains(&json!(100)) => Reply::Value(json!([])),
        _ => odoo(call),
    })
    .await;
    let (mut source, plans) = source(&server, &[("page_size", "2")]).await;
    let pages = read(&mut *source, of(&plans, "crm.lead")).await.unwrap();
    let counts: Vec<_> = pages.iter().map(|page| page.records.len()).collect();
    assert_eq!(counts, [0, 2, 2, 1, 0]);
}
