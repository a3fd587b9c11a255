//! Ways of following changes, held against the same hour of work by many people: short writes, long transactions,
//! deletions. Only the last one ends with what the server has; the others lose or keep too much, as measured on real
//! servers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use salescommand_odoo_simulator::{Config, Data, Handle, Seed, Simulator, Transaction};
use serde_json::{Value as Json, json};

use super::client::{API, TODAY};

const ADMIN: &str = "admin";

/// A small sequence of numbers, the same every time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// What people do, one step every second.
struct Office {
    draw: Draw,
    data: Data,
    /// Transactions still open, and the seconds they have left.
    open: Vec<(usize, Transaction)>,
    number: usize,
}

impl Office {
    fn values(&mut self) -> Json {
        self.number += 1;
        json!({"name": format!("Lead {}", self.number)})
    }

    fn some_lead(&mut self) -> i64 {
        let ids = self.data.snapshot().ids_where("crm.lead", |_| true);
        ids[self.draw.below(ids.len())]
    }

    fn second(&mut self) {
        for (left, _) in &mut self.open {
            *left = left.saturating_sub(1);
        }
        let (due, open): (Vec<_>, Vec<_>) = self.open.drain(..).partition(|(left, _)| *left == 0);
        self.open = open;
        for (_, transaction) in due {
            // A transaction that met another one is tried again by nobody here.
            let _ = transaction.commit();
        }
        match self.draw.below(10) {
            0..=2 => {
                let values = self.values();
                self.data.call(ADMIN, ("crm.lead", "create"), json!([values]), json!({})).unwrap();
            }
            3..=5 => {
                let (lead, values) = (self.some_lead(), self.values());
                self.data.call(ADMIN, ("crm.lead", "write"), json!([[lead], values]), json!({})).unwrap();
            }
            6 => {
                let lead = self.some_lead();
                self.data.call(ADMIN, ("crm.lead", "unlink"), json!([[lead]]), json!({})).unwrap();
            }
            7 => self.begin(),
            _ => {}
        }
    }

    /// A longer piece of work: up to a minute between its start and its commit.
    fn begin(&mut self) {
        let mut transaction = self.data.begin(ADMIN).unwrap();
        let values: Vec<Json> = (0..5 + self.draw.below(20)).map(|_| self.values()).collect();
        transaction.call(("crm.lead", "create"), json!([values]), json!({})).unwrap();
        self.open.push((2 + self.draw.below(60), transaction));
    }
}

/// A reader's copy of the leads, and where it is.
#[derive(Default)]
struct Reader {
    copy: BTreeMap<i64, String>,
    cursor: (String, i64),
}

fn listing(data: &Data, domain: Json, order: &str, limit: usize) -> Vec<Json> {
    let fields = ["name", "write_date"];
    let kwargs = json!({"fields": fields, "order": order, "limit": limit, "context": {"active_test": false}});
    let rows = data.call(API, ("crm.lead", "search_read"), json!([domain]), kwargs).unwrap();
    rows.as_array().unwrap().clone()
}

impl Reader {
    fn take(&mut self, rows: &[Json]) {
        for row in rows {
            self.copy.insert(row["id"].as_i64().unwrap(), row["name"].as_str().unwrap().to_owned());
        }
    }

    /// Everything after the last row seen, by write date and id.
    fn keyset(&mut self, data: &Data) {
        let (at, id) = &self.cursor;
        let domain = json!(["|", ["write_date", ">", at], "&", ["write_date", "=", at], ["id", ">", id]]);
        let rows = listing(data, domain, "write_date asc, id asc", 200);
        self.take(&rows);
        if let Some(last) = rows.last() {
            self.cursor = (last["write_date"].as_str().unwrap().to_owned(), last["id"].as_i64().unwrap());
        }
    }

    /// Everything at or after the highest write date seen.
    fn highest(&mut self, data: &Data) {
        let rows = listing(data, json!([["write_date", ">=", self.cursor.0]]), "id asc", 0);
        self.take(&rows);
        let highest = rows.iter().filter_map(|row| row["write_date"].as_str()).max();
        self.cursor.0 = highest.unwrap_or(&self.cursor.0).to_owned();
    }

    /// Everything written since the previous round began, and so much earlier.
    fn window(&mut self, handle: &Handle, overlap: u64) {
        let begun = handle.clock().now() - Duration::from_secs(overlap);
        let rows = listing(&handle.data(), json!([["write_date", ">=", self.cursor.0]]), "id asc", 0);
        self.take(&rows);
        self.cursor.0 = begun.strftime("%Y-%m-%d %H:%M:%S").to_string();
    }

    /// Drops what the server no longer has.
    fn sweep(&mut self, data: &Data) {
        let known: Vec<i64> = self.copy.keys().copied().collect();
        let left = data.call(API, ("crm.lead", "exists"), json!([known]), json!({})).unwrap();
        let left: BTreeSet<i64> = left.as_array().unwrap().iter().filter_map(Json::as_i64).collect();
        self.copy.retain(|id, _| left.contains(id));
    }

    /// Rows missing or outdated, and rows that are gone.
    fn errors(&self, data: &Data) -> (usize, usize) {
        let rows = data.snapshot();
        let right = |id: i64, name: &str| {
            rows.row("crm.lead", id).and_then(|row| row.get("name").as_text()) == Some(name)
        };
        let missed = rows
            .rows("crm.lead")
            .filter(|(id, _)| !self.copy.get(id).is_some_and(|name| right(*id, name)))
            .count();
        (missed, self.copy.keys().filter(|id| rows.row("crm.lead", **id).is_none()).count())
    }
}

#[tokio::test]
async fn only_a_window_with_a_sweep_ends_with_what_the_server_has() {
    let seed = Seed { leads: 40, partners: 30, activities: 20, ..Seed::new(7, TODAY) };
    let handle = Simulator::start(Config::new(seed)).await.unwrap();
    let data = handle.data();
    let mut office = Office { draw: Draw(20_261_123), data: data.clone(), open: Vec::new(), number: 0 };
    let mut readers: [Reader; 5] = Default::default();
    for reader in &mut readers {
        reader.cursor.0 = "2000-01-01 00:00:00".to_owned();
    }
    let mut round = |handle: &Handle| {
        let [keyset, highest, short, window, swept] = &mut readers;
        keyset.keyset(&handle.data());
        highest.highest(&handle.data());
        short.window(handle, 5);
        window.window(handle, 120);
        swept.window(handle, 120);
        swept.sweep(&handle.data());
    };
    for second in 0..400 {
        handle.clock().advance(Duration::from_secs(1));
        office.second();
        if second % 3 == 0 {
            round(&handle);
        }
    }
    for (_, transaction) in office.open.drain(..) {
        let _ = transaction.commit();
    }
    handle.clock().advance(Duration::from_secs(10));
    round(&handle);
    let errors: Vec<(usize, usize)> = readers.iter().map(|reader| reader.errors(&data)).collect();
    println!("keyset, highest, 5 s, 120 s, 120 s and sweep: {errors:?}");
    let [keyset, highest, short, window, swept] = errors.as_slice() else { panic!("five readers") };
    assert!(keyset.0 > 50 && highest.0 > 50 && short.0 > 50, "{errors:?}");
    assert!(window.0 == 0 && window.1 > 0, "{errors:?}");
    assert_eq!(*swept, (0, 0));
}
