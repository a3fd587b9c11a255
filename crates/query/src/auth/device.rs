//! What a browser says it is, in words for people: "Firefox on Linux".
//!
//! The header is believed no further than that: it is looked through for words of two small tables, and nothing of it is stored
//! or shown. Browsers pretend to be each other, so the order of a table is its meaning.

/// Only so much of a header is looked at.
const LONGEST: usize = 1_024;

/// A word of the header and the browser that it gives away; the first that is found counts.
const BROWSERS: [(&str, &str); 16] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
    ("python-requests/", "Python"),
    ("Python-urllib/", "Python"),
    ("PostmanRuntime/", "Postman"),
];

/// The same for systems. An iPad of today says that it is a Mac; nothing here can tell.
const SYSTEMS: [(&str, &str); 9] = [
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
];

/// The device of a `User-Agent` header; none if it gives nothing away.
pub(crate) fn device(user_agent: &str) -> Option<String> {
    let end = user_agent.char_indices().map(|(at, _)| at).find(|at| *at >= LONGEST);
    let text = &user_agent[..end.unwrap_or(user_agent.len())];
    let find = |table: &[(&str, &'static str)]| {
        table.iter().find(|(word, _)| text.contains(word)).map(|(_, name)| *name)
    };
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => Some(format!("{browser} on {system}")),
        (Some(one), None) | (None, Some(one)) => Some(one.to_owned()),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_from_those_they_pretend_to_be() {
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0";
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
        let iphone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15";
        let cases = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0".to_owned(), "Firefox on Linux"),
            (format!("{windows} {chrome} Safari/537.36"), "Chrome on Windows"),
            (format!("{windows} {chrome} Safari/537.36 Edg/141.0.0.0"), "Edge on Windows"),
            (format!("{windows} {chrome} Safari/537.36 OPR/122.0.0.0"), "Opera on Windows"),
            (format!("Mozilla/5.0 (Linux; Android 10; K) {chrome} Mobile Safari/537.36"), "Chrome on Android"),
            (format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {chrome} Safari/537.36"), "Chrome on ChromeOS"),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15"
                    .to_owned(),
                "Safari on macOS",
            ),
            (format!("{iphone} (KHTML, like Gecko) CriOS/141.0 Mobile/15E148 Safari/604.1"), "Chrome on iOS"),
            (format!("{iphone} (KHTML, like Gecko) FxiOS/143.0 Mobile/15E148 Safari/605.1.15"), "Firefox on iOS"),
            ("curl/8.14.1".to_owned(), "curl"),
            ("Something (FreeBSD)".to_owned(), "FreeBSD"),
        ];
        for (header, words) in cases {
            assert_eq!(device(&header).as_deref(), Some(words), "{header}");
        }
    }

    #[test]
    fn nothing_of_a_header_is_repeated() {
        for header in ["", "<script>alert(1)</script>", "Ann's secret laptop"] {
            assert_eq!(device(header), None);
        }
        assert_eq!(device("<b>Firefox/1</b> on Ann's Linux").as_deref(), Some("Firefox on Linux"));
        assert_eq!(device(&format!("{}Firefox/143.0", "é".repeat(LONGEST))), None);
    }
}
