//! Reading the simulator over a real socket.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use salescommand_domain::raw::ObjectName;
use salescommand_graph_simulator::{Config, Expiry, Handle, Simulator, Trouble};
use serde_json::{Value as Json, json};

use super::{SECRET, map, settings, source};
use crate::ms365::DESCRIPTOR;
use crate::{Changes, CheckState, Extent, PART_NOT_READABLE, Record, Source, SourceError, Then};

const TIMES: (&str, &str) = ("2026-12-01T09:00:00", "2026-12-01T10:00:00");

async fn demo(pages: usize) -> Handle {
    let mut config = Config::demo(SECRET);
    config.pages = pages;
    Simulator::start(config).await.unwrap()
}

async fn empty() -> Handle {
    Simulator::start(Config::empty(SECRET)).await.unwrap()
}

fn object(name: &str) -> ObjectName {
    ObjectName::new(name).unwrap()
}

/// A round of a part to its end: what it told, and the place behind it.
async fn round(
    source: &mut dyn Source,
    name: &str,
    part: &str,
    from: Option<Json>,
) -> (Vec<Changes>, Option<Json>) {
    let (mut pages, mut from) = (Vec::new(), from);
    loop {
        let changes = source.feeds().unwrap().changes(&object(name), part, from.as_ref()).await.unwrap();
        let then = changes.then.clone();
        pages.push(changes);
        match then {
            Then::More(next) => from = Some(next),
            Then::Until(next) => return (pages, next),
            Then::Anew => return (pages, None),
        }
    }
}

fn records(pages: Vec<Changes>) -> BTreeMap<String, Record> {
    pages.into_iter().flat_map(|page| page.records).map(|record| (record.key.clone(), record)).collect()
}

async fn everything(source: &mut dyn Source) -> BTreeMap<(String, String), Record> {
    let mut all = BTreeMap::new();
    for plan in source.connect().await.unwrap().plans {
        for part in source.feeds().unwrap().parts(&plan.object).await.unwrap() {
            let (pages, _) = round(source, plan.object.as_str(), &part, None).await;
            all.extend(
                records(pages).into_iter().map(|(key, record)| ((plan.object.to_string(), key), record)),
            );
        }
    }
    all
}

fn of<'a>(all: &'a BTreeMap<(String, String), Record>, name: &str) -> Vec<&'a Record> {
    all.iter().filter(|((object, _), _)| object == name).map(|(_, record)| record).collect()
}

#[tokio::test]
async fn the_whole_demo_tenant_is_read_and_mapped_whatever_the_size_of_pages() {
    let handle = demo(4).await;
    let all = everything(&mut *source(&handle, &[("page_size", "7")])).await;
    let (users, enabled) = handle.tenant(|tenant| (tenant.users().len(), 19));
    assert_eq!(of(&all, "users").len(), users);
    assert_eq!(of(&all, "managers").len(), users);
    assert_eq!(of(&all, "groups").len(), 2);
    // Of the first 17 colleagues one has left; their mailbox is not read.
    assert_eq!((of(&all, "contacts").len(), of(&all, "events").len()), (16 * 3, 16 * 2));
    let large = everything(&mut *source(&demo(100).await, &[("page_size", "900")])).await;
    assert!(large == all);
    let mut mapped = BTreeMap::<&str, usize>::new();
    for ((name, _), record) in &all {
        *mapped.entry(name).or_default() += usize::from(map(name, record.clone()).unwrap().is_some());
    }
    let expected =
        [("contacts", 48), ("events", 32), ("groups", 1), ("managers", users - 1), ("users", users - 1)];
    assert_eq!(mapped, BTreeMap::from(expected));
    assert!(enabled < users);
}

#[tokio::test]
async fn looking_at_users_alone_takes_one_request_however_many_they_are() {
    let handle = demo(4).await;
    let mut first = source(&handle, &[("page_size", "7")]);
    first.connect().await.unwrap();
    let (_, place) = round(&mut *first, "users", "", None).await;
    let krishna = handle.tenant(|tenant| {
        let krishna = tenant.user("krishna@securado.net").unwrap();
        tenant.set_user(&krishna, json!({"accountEnabled": false}));
        krishna
    });
    handle.faults().asked();
    let mut next = source(&handle, &[("page_size", "7")]);
    next.connect().await.unwrap();
    let (pages, _) = round(&mut *next, "users", "", place).await;
    let [record] = records(pages).into_values().collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((record.key, &record.payload["accountEnabled"]), (krishna, &json!(false)));
    let mut asked = handle.faults().asked();
    asked.retain(|path| !path.ends_with("/token"));
    assert_eq!(asked, ["/v1.0/users/delta"]);
}

#[tokio::test]
async fn ids_of_mailboxes_stay_as_things_move_and_bodies_do_not_leave_them() {
    let handle = demo(100).await;
    let all = everything(&mut *source(&handle, &[])).await;
    for record in of(&all, "contacts").into_iter().chain(of(&all, "events")) {
        assert!(record.key.contains("/AAkALg"), "{}", record.key);
        let text = record.payload.to_string();
        assert!(
            !["body", "personalNotes", "changeKey", "etag"].iter().any(|kept| text.contains(kept)),
            "{text}"
        );
    }
}

#[tokio::test]
async fn what_changed_is_told_behind_a_place_and_a_manager_is_none_of_it() {
    let handle = demo(4).await;
    let mut source = source(&handle, &[]);
    source.connect().await.unwrap();
    let (_, place) = round(&mut *source, "users", "", None).await;
    let krishna = handle.tenant(|tenant| {
        let [krishna, dana, luis] = ["krishna", "dana.brooks", "luis.ortega"]
            .map(|name| tenant.user(&format!("{name}@securado.net")).unwrap());
        tenant.set_manager(&krishna, Some(&dana));
        tenant.set_user(&dana, json!({"jobTitle": "Lead"}));
        tenant.delete_user(&luis);
        krishna
    });
    let (pages, place) = round(&mut *source, "users", "", place).await;
    assert_eq!(pages.iter().map(|page| page.gone.len()).sum::<usize>(), 1);
    assert_eq!(
        records(pages).values().map(|record| record.payload["jobTitle"].clone()).collect::<Vec<_>>(),
        ["Lead"]
    );
    assert!(place.is_some());
    let mut next = super::source(&handle, &[]);
    let managers = everything(&mut *next).await;
    let manager = &managers[&("managers".to_owned(), krishna)].payload["manager"]["id"];
    let dana = handle.tenant(|tenant| tenant.user("dana.brooks@securado.net"));
    assert_eq!(manager.as_str(), dana.as_deref());
}

#[tokio::test]
async fn a_place_that_is_forgotten_is_begun_anew_however_that_is_said() {
    let handle = demo(4).await;
    let mut source = source(&handle, &[]);
    source.connect().await.unwrap();
    let whose = handle.tenant(|tenant| tenant.user("krishna@securado.net").unwrap());
    for expiry in [Expiry::Gone, Expiry::NotFound, Expiry::BadRequest] {
        for (name, part) in [("users", ""), ("groups", ""), ("events", whose.as_str())] {
            let (_, place) = round(&mut *source, name, part, None).await;
            handle.tenant(|tenant| tenant.expire_tokens(expiry));
            let (pages, _) = round(&mut *source, name, part, place).await;
            assert_eq!(pages.last().unwrap().then, Then::Anew, "{name} {expiry:?}");
        }
    }
}

#[tokio::test]
async fn a_link_that_leads_elsewhere_is_never_followed() {
    let handle = demo(4).await;
    let stranger = demo(4).await;
    let mut source = source(&handle, &[]);
    source.connect().await.unwrap();
    stranger.faults().asked();
    let links = [
        format!("{}/v1.0/users/delta?$deltatoken=x", stranger.url()),
        format!("{}/elsewhere", handle.url()),
        handle.url().replace("http://", "http://user:secret@"),
        "file:///etc/passwd".to_owned(),
    ];
    for link in links {
        let place = json!({"link": link});
        let changes = source.feeds().unwrap().changes(&object("users"), "", Some(&place)).await.unwrap();
        assert_eq!(changes.then, Then::Anew, "{link}");
    }
    assert!(stranger.faults().asked().is_empty());
}

#[tokio::test]
async fn a_token_is_kept_and_one_that_is_withdrawn_replaced_once() {
    let handle = demo(100).await;
    let mut source = source(&handle, &[]);
    everything(&mut *source).await;
    assert_eq!(handle.sign_ins(), 1);
    handle.withdraw_tokens();
    round(&mut *source, "users", "", None).await;
    assert_eq!(handle.sign_ins(), 2);
}

#[tokio::test]
async fn who_asks_for_a_pause_is_given_one_also_in_a_part_of_a_batch() {
    let handle = demo(100).await;
    let mut source = source(&handle, &[]);
    source.connect().await.unwrap();
    let paused = |error: SourceError| match error {
        SourceError::Transient { retry_after, .. } => retry_after,
        error => panic!("{error:?}"),
    };
    for (trouble, pause) in [
        (Trouble::TooManyRequests(Some("2.128")), Some(Duration::from_millis(2_128))),
        (Trouble::TooManyRequests(None), None),
        (Trouble::Unavailable(Some("7")), Some(Duration::from_secs(7))),
        (Trouble::GatewayTimeout, None),
        (Trouble::Page, None),
    ] {
        handle.faults().once_after(0, trouble);
        let error = source.feeds().unwrap().changes(&object("users"), "", None).await.unwrap_err();
        assert_eq!(paused(error), pause);
    }
    // The third part of a batch is throttled: the others count, and only that one is asked again.
    handle.faults().once_after(3, Trouble::TooManyRequests(Some("3")));
    let error = source.feeds().unwrap().parts(&object("contacts")).await.unwrap_err();
    assert_eq!(paused(error), Some(Duration::from_secs(3)));
    handle.faults().asked();
    let parts = source.feeds().unwrap().parts(&object("contacts")).await.unwrap();
    assert_eq!(parts.len(), 19);
    assert_eq!(handle.faults().asked().len(), 2, "one batch of one part");
}

#[tokio::test]
async fn what_is_said_to_be_removed_is_looked_for() {
    let handle = empty().await;
    let (user, kept, lost, moved) = handle.tenant(|tenant| {
        let user = tenant.add_user("Ann Lee", "ann@company.example");
        let meeting = |tenant: &mut salescommand_graph_simulator::Tenant, uid| {
            tenant.add_event(&user, uid, TIMES, json!({"subject": uid})).unwrap()
        };
        let events = [meeting(tenant, "kept"), meeting(tenant, "lost"), meeting(tenant, "moved")];
        let [kept, lost, moved] = events;
        (user, kept, lost, moved)
    });
    let mut source = source(&handle, &[]);
    source.connect().await.unwrap();
    let (pages, place) = round(&mut *source, "events", &user, None).await;
    assert_eq!(records(pages).len(), 3);
    handle.tenant(|tenant| {
        tenant.delete_event(&user, &lost);
        let later = json!({"dateTime": "2035-01-01T09:00:00.0000000", "timeZone": "UTC"});
        tenant.set_event(&user, &moved, json!({"start": later, "end": later}));
    });
    let (pages, _) = round(&mut *source, "events", &user, place).await;
    let [page] = pages.as_slice() else { panic!("{pages:?}") };
    assert_eq!((page.gone.clone(), page.records.len()), (vec![format!("{user}/{lost}")], 0));
    let left: Vec<_> = page.left.iter().map(|record| record.key.clone()).collect();
    assert_eq!(left, [format!("{user}/{moved}")], "it is there, and said with its new dates");
    let keys = [&kept, &lost, &moved].map(|id| format!("{user}/{id}"));
    let existing = async |source: &mut dyn Source, unlisted_in| {
        let there = source.feeds().unwrap().existing(&object("events"), &keys, unlisted_in).await.unwrap();
        there.into_iter().map(|there| (there.key, there.record)).collect::<Vec<_>>()
    };
    let there = existing(&mut *source, None).await;
    assert_eq!(there, [(keys[0].clone(), None), (keys[2].clone(), None)]);
    let there = existing(&mut *source, Some(&user)).await;
    assert_eq!(
        there[1],
        (keys[2].clone(), Some(page.left[0].clone())),
        "what is not listed is told all the same"
    );
    handle.tenant(|tenant| tenant.close_mailbox(&user, true));
    let there = existing(&mut *source, Some(&user)).await;
    assert_eq!(there, keys.clone().map(|key| (key, None)), "what cannot be read is not gone");
    handle.tenant(|tenant| tenant.delete_user(&user));
    assert!(existing(&mut *source, None).await.is_empty());
}

#[tokio::test]
async fn a_contact_that_moves_to_another_folder_is_not_gone() {
    let handle = empty().await;
    let (user, folder, contact) = handle.tenant(|tenant| {
        let user = tenant.add_user("Ann Lee", "ann@company.example");
        let folder = tenant.add_folder(&user, "Customers").unwrap();
        let contact = tenant.add_contact(&user, None, "Bo Ek", "bo@customer.example").unwrap();
        (user, folder, contact)
    });
    let mut source = source(&handle, &[]);
    source.connect().await.unwrap();
    let parts = source.feeds().unwrap().parts(&object("contacts")).await.unwrap();
    assert_eq!(
        BTreeSet::from_iter(parts),
        BTreeSet::from([format!("{user}/contacts"), format!("{user}/{folder}")])
    );
    let (_, usual) = round(&mut *source, "contacts", &format!("{user}/contacts"), None).await;
    let (_, other) = round(&mut *source, "contacts", &format!("{user}/{folder}"), None).await;
    handle.tenant(|tenant| tenant.move_contact(&user, &contact, &folder));
    let (pages, _) = round(&mut *source, "contacts", &format!("{user}/{folder}"), other).await;
    assert_eq!(
        records(pages).into_keys().collect::<Vec<_>>(),
        [format!("{user}/{contact}")],
        "under the same key"
    );
    let (pages, _) = round(&mut *source, "contacts", &format!("{user}/contacts"), usual).await;
    assert!(pages.iter().all(|page| page.gone.is_empty() && page.records.is_empty()), "{pages:?}");
}

#[tokio::test]
async fn a_group_is_told_with_all_its_members() {
    let handle = empty().await;
    let (group, people) = handle.tenant(|tenant| {
        let people: Vec<String> =
            (0..7).map(|n| tenant.add_user(&format!("P {n}"), &format!("p{n}@company.example"))).collect();
        let members: Vec<&str> = people[..6].iter().map(String::as_str).collect();
        (tenant.add_group("Sales", &members), people)
    });
    let mut source = source(&handle, &[]);
    source.connect().await.unwrap();
    let (pages, place) = round(&mut *source, "groups", "", None).await;
    let members = |pages| records(pages)[&group].payload["members"].as_array().unwrap().len();
    assert_eq!(members(pages), 6);
    handle.tenant(|tenant| tenant.set_member(&group, &people[6], true));
    let (pages, place) = round(&mut *source, "groups", "", place).await;
    assert_eq!(members(pages), 7, "and not the one that came");
    handle.tenant(|tenant| tenant.delete_group(&group));
    let (pages, _) = round(&mut *source, "groups", "", place).await;
    assert_eq!(pages[0].gone, [group]);
}

#[tokio::test]
async fn an_occurrence_is_told_with_what_its_series_says() {
    let handle = empty().await;
    let (user, series, occurrence) = handle.tenant(|tenant| {
        let user = tenant.add_user("Ann Lee", "ann@company.example");
        let more = json!({"subject": "Weekly", "type": "seriesMaster"});
        // The series begins long before the dates that are followed.
        let series = tenant
            .add_event(&user, "series-uid", ("2020-01-01T09:00:00", "2020-01-01T10:00:00"), more)
            .unwrap();
        let more = json!({"type": "occurrence", "seriesMasterId": series, "iCalUId": null});
        let occurrence = tenant.add_event(&user, "", TIMES, more).unwrap();
        (user, series, occurrence)
    });
    let all = everything(&mut *source(&handle, &[])).await;
    let told = &all[&("events".to_owned(), format!("{user}/{occurrence}"))].payload;
    assert_eq!((told["subject"].as_str(), told["@series"].as_str()), (Some("Weekly"), Some("series-uid")));
    assert_eq!(told["@organizer"].as_str(), Some(user.as_str()));
    assert!(!all.contains_key(&("events".to_owned(), format!("{user}/{series}"))));
}

#[tokio::test]
async fn of_a_private_meeting_only_whose_it_is_and_when_leaves_the_mailbox() {
    let handle = empty().await;
    handle.tenant(|tenant| {
        let user = tenant.add_user("Ann Lee", "ann@company.example");
        let more =
            json!({"subject": "Surgery", "sensitivity": "private", "location": {"displayName": "Clinic"}});
        tenant.add_event(&user, "uid", TIMES, more);
    });
    let all = everything(&mut *source(&handle, &[])).await;
    let text = of(&all, "events")[0].payload.to_string();
    assert!(!text.contains("Surgery") && !text.contains("Clinic") && text.contains("2026-12-01"), "{text}");
}

#[tokio::test]
async fn which_mailboxes_are_read_is_a_setting() {
    let handle = demo(100).await;
    let sales = handle.tenant(|tenant| tenant.groups());
    let parts = |more: Vec<(&'static str, String)>| {
        let more: Vec<_> = more.iter().map(|(name, value)| (*name, value.clone())).collect();
        let handle = &handle;
        async move {
            let more: Vec<(&str, &str)> = more.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let mut source = source(handle, &more);
            source.connect().await.unwrap();
            source.feeds().unwrap().parts(&object("events")).await.unwrap().len()
        }
    };
    assert_eq!(parts(Vec::new()).await, 19, "21 accounts, of which one is disabled and one a guest's");
    let by_group = [
        parts(vec![("mailboxes", format!("group:{}", sales[0]))]).await,
        parts(vec![("mailboxes", format!("group:{}", sales[1]))]).await,
    ];
    assert_eq!(BTreeSet::from(by_group), BTreeSet::from([5, 16]));
    let listed = "krishna@securado.net, dana.brooks@securado.net; nobody@securado.net".to_owned();
    assert_eq!(parts(vec![("mailboxes", listed)]).await, 2);
}

#[tokio::test]
async fn a_mailbox_that_cannot_be_read_is_told_from_a_source_that_cannot() {
    let handle = empty().await;
    let user = handle.tenant(|tenant| {
        let user = tenant.add_user("Ann Lee", "ann@company.example");
        tenant.remove_mailbox(&user);
        user
    });
    let mut source = source(&handle, &[]);
    source.connect().await.unwrap();
    let code = |error: SourceError| match error {
        SourceError::Permanent { code, .. } => code,
        error => panic!("{error:?}"),
    };
    let error = source.feeds().unwrap().changes(&object("events"), &user, None).await.unwrap_err();
    assert_eq!(code(error), PART_NOT_READABLE);
    handle.tenant(|tenant| tenant.grant(&["User.Read.All"]));
    let error = source.feeds().unwrap().changes(&object("groups"), "", None).await.unwrap_err();
    assert_eq!(code(error), "not-allowed");
}

#[tokio::test]
async fn the_check_names_each_step_and_what_a_missing_permission_costs() {
    let handle = demo(100).await;
    let checks = source(&handle, &[]).check().await;
    let steps: Vec<_> = checks.iter().map(|check| check.step.as_str()).collect();
    let expected = [
        "reachable",
        "tenant",
        "login",
        "rights: users",
        "rights: managers",
        "rights: groups",
        "rights: contacts",
        "rights: events",
    ];
    assert_eq!(steps, expected);
    assert!(checks.iter().all(|check| check.state == CheckState::Passed), "{checks:#?}");
    handle.tenant(|tenant| tenant.grant(&["User.Read.All", "Contacts.Read"]));
    let checks = source(&handle, &[]).check().await;
    let failed: Vec<_> = checks.iter().filter(|check| check.state == CheckState::Failed).collect();
    assert_eq!(
        failed.iter().map(|check| check.step.as_str()).collect::<Vec<_>>(),
        ["rights: groups", "rights: events"]
    );
    assert!(
        failed[1].detail.contains("Calendars.Read") && failed[1].detail.contains("activity"),
        "{}",
        failed[1].detail
    );
}

#[tokio::test]
async fn a_sign_in_that_is_refused_says_why_and_shows_no_secret() {
    let handle = demo(100).await;
    let open = |change: &dyn Fn(&mut crate::Settings)| {
        let mut settings = settings(&handle.url(), &[]);
        change(&mut settings);
        DESCRIPTOR.open.unwrap()(settings).unwrap()
    };
    let stranger = "00000000-0000-4000-8000-000000000000".to_owned();
    let wrong_secret = "not-the-secret";
    type Change<'a> = Box<dyn Fn(&mut crate::Settings) + 'a>;
    let cases: [(Change<'_>, &str, &str); 3] = [
        (Box::new(|it| drop(it.plain.insert("tenant".into(), stranger.clone()))), "unknown-tenant", "tenant"),
        (
            Box::new(|it| drop(it.plain.insert("client_id".into(), stranger.clone()))),
            "unknown-application",
            "login",
        ),
        (Box::new(|it| it.secret = wrong_secret.to_owned().into()), "login-refused", "login"),
    ];
    for (change, expected, step) in cases {
        let mut source = open(&*change);
        let SourceError::Permanent { code, message, fix } = source.connect().await.unwrap_err() else {
            panic!("transient")
        };
        assert_eq!(code, expected);
        let checks = source.check().await;
        let text = format!("{message} {fix} {checks:?}");
        assert!(!text.contains(wrong_secret) && !text.contains(SECRET), "{text}");
        let failed = checks.iter().find(|check| check.state == CheckState::Failed).unwrap();
        assert_eq!(failed.step, step);
    }
}

#[tokio::test]
async fn somebody_who_looks_at_a_source_sees_what_there_is() {
    let handle = demo(100).await;
    let mut source = source(&handle, &[]);
    let found = crate::discover(&mut *source).await.unwrap();
    let named: Vec<_> =
        found.iter().map(|it| (it.object.as_str(), it.sample.is_some(), it.records)).collect();
    assert_eq!(
        named,
        [
            ("users", true, Some(21)),
            ("managers", true, Some(21)),
            ("groups", true, Some(2)),
            ("contacts", true, None),
            ("events", true, None)
        ]
    );
    assert!(found.iter().all(|it| it.problem.is_none() && !it.fields.is_empty()));
    let page = source.page(&object("users"), Extent::All, None).await.unwrap();
    assert_eq!(page.next, None);
}
