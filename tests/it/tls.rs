//! Encrypted connections to a real broker and a real database: whose certificate does not hold is not talked to, the error says
//! which setting is to blame, and it holds no password.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use salescommand_eventlog::conformance::{message, spec};
use salescommand_eventlog::{Error, EventLog as _};
use salescommand_eventlog_nats::{NatsLog, NatsOptions, NatsTls};
use salescommand_store_mongo::MongoStore;
use salescommand_tests::mongo::{Certificates, Mongo};
use salescommand_tests::nats::Nats;
use tempfile::TempDir;

/// A certificate that does not hold is told sooner than this, however long a server may be waited for.
const AT_ONCE: Duration = Duration::from_secs(10);

/// An authority with its file, and where to put what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        // Clients' TLS is built without a provider of its own; that one is installed already is no failure.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of a test");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("ca.crt"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// A certificate for a name: its file, that of its key, and one with both.
    fn issue(&self, name: &str) -> (PathBuf, PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        let file = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        let files = (file("crt"), file("key"), file("pem"));
        std::fs::write(&files.0, &certificate).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        std::fs::write(&files.2, certificate + &key.serialize_pem()).unwrap();
        files
    }
}

/// A broker that speaks TLS and nothing else, as the how-to has it.
fn broker(authority: &Authority, name: &str, verify: bool) -> Nats {
    let (certificate, key, _) = authority.issue(name);
    let mut settings = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}");
    if verify {
        settings.push_str(&format!(", ca_file: {:?}, verify: true", authority.file()));
    }
    Nats::start_adding(&format!("{settings} }}")).unwrap()
}

fn by_name(nats: &Nats) -> String {
    nats.url().replace("nats://", "tls://").replace("127.0.0.1", "localhost")
}

fn trusting(authority: &Authority) -> NatsTls {
    NatsTls { ca_file: Some(authority.file()), certificate: None }
}

async fn connect(url: &str, tls: &NatsTls) -> Result<NatsLog, Error> {
    let options =
        NatsOptions { url: url.to_owned(), name: "test".into(), connect_within: Duration::from_secs(60) };
    NatsLog::connect_with(options, tls).await
}

/// What is said to whoever set it up.
async fn refused(url: &str, tls: &NatsTls) -> String {
    let begun = Instant::now();
    let told = match connect(url, tls).await {
        Err(Error::Refused(told)) => told,
        other => panic!("{other:?}"),
    };
    assert!(begun.elapsed() < AT_ONCE, "told after {:?}", begun.elapsed());
    assert!(!told.contains("of-a-test"), "a password is told: {told}");
    told
}

async fn use_it(log: &NatsLog) {
    log.ensure_stream(&spec("ENCRYPTED")).await.unwrap();
    let published = log.publish("ENCRYPTED", vec![message("ENCRYPTED", "a", "said in secret")]).await;
    assert_eq!(published.unwrap()[0].sequence, 1);
}

#[tokio::test]
async fn the_broker_is_who_its_authority_says_or_it_is_not_talked_to() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let nats = broker(&authority, "localhost", false);
    use_it(&connect(&by_name(&nats), &trusting(&authority)).await.unwrap()).await;
    // The address need not say it twice.
    let plain = nats.url().replace("127.0.0.1", "localhost");
    connect(&plain, &trusting(&authority)).await.unwrap();

    let unknown = refused(&by_name(&nats), &trusting(&stranger)).await;
    assert!(unknown.contains("nobody who is trusted here") && unknown.contains("nats.ca_file"), "{unknown}");
    let unknown = refused(&by_name(&nats), &NatsTls::default()).await;
    assert!(unknown.contains("nats.ca_file"), "{unknown}");
    let other_name = refused(&by_name(&nats).replace("localhost", "127.0.0.1"), &trusting(&authority)).await;
    assert!(other_name.contains("for another name than the one in nats.url"), "{other_name}");
    let absent = NatsTls { ca_file: Some("/nowhere/ca.crt".into()), certificate: None };
    let absent = refused(&by_name(&nats), &absent).await;
    assert!(absent.contains("nats.ca_file"), "{absent}");
}

#[tokio::test]
async fn with_an_authority_nothing_is_said_to_a_broker_that_speaks_plainly() {
    let (authority, nats) = (Authority::new(), Nats::start().unwrap());
    let told = refused(&nats.url().replace("127.0.0.1", "localhost"), &trusting(&authority)).await;
    assert!(told.contains("TLS with the broker failed"), "{told}");
}

#[tokio::test]
async fn a_broker_that_asks_for_a_certificate_takes_those_of_its_authority() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let nats = broker(&authority, "localhost", true);
    let with = |by: &Authority| {
        let (certificate, key, _) = by.issue("client");
        NatsTls { certificate: Some((certificate, key)), ..trusting(&authority) }
    };
    use_it(&connect(&by_name(&nats), &with(&authority)).await.unwrap()).await;
    for tls in [trusting(&authority), with(&stranger)] {
        let told = refused(&by_name(&nats), &tls).await;
        assert!(told.contains("nats.certificate_file"), "{told}");
    }
}

async fn database(authority: &Authority, name: &str) -> anyhow::Result<Mongo> {
    let (_, _, own) = authority.issue(name);
    Mongo::start_encrypted(Certificates { own, authority: authority.file() }).await
}

#[tokio::test]
async fn the_database_is_who_its_authority_says_or_it_is_not_talked_to() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let mongo = database(&authority, "localhost").await.unwrap();
    let store = mongo.store("encrypted").await.unwrap();
    assert!(store.cache_bytes().await.unwrap().is_some(), "an answer over the encrypted connection");

    let as_somebody = |uri: &str| uri.replace("mongodb://", "mongodb://ann:a-password@");
    let told = async |uri: &str| {
        let begun = Instant::now();
        let told = MongoStore::connect(&as_somebody(uri), "encrypted").await.unwrap_err();
        assert!(matches!(told, salescommand_store::Error::Refused(_)), "{told:?}");
        assert!(begun.elapsed() < AT_ONCE, "told after {:?}", begun.elapsed());
        let told = told.to_string();
        assert!(!told.contains("a-password"), "{told}");
        told
    };
    let file = |authority: &Authority| authority.file().display().to_string();
    let unknown = told(&mongo.uri().replace(&file(&authority), &file(&stranger))).await;
    assert!(unknown.contains("nobody who is trusted here") && unknown.contains("tlsCAFile"), "{unknown}");
    let other_name = told(&mongo.uri().replace("localhost", "127.0.0.1")).await;
    assert!(other_name.contains("for another name than the one in MONGODB_URI"), "{other_name}");
    told(&mongo.uri().replace(&file(&authority), "/nowhere/ca.crt")).await;
    let plain = mongo.uri().replace("tls=true&", "tls=false&");
    let plain = plain.split("&tlsCAFile").next().unwrap();
    let answer = MongoStore::connect(plain, "encrypted").await;
    assert!(answer.is_err(), "it speaks TLS and nothing else");
}

/// The binary with settings for both servers.
fn create_user(email: &str, nats: &Nats, ca_file: &Path, mongo_uri: &str) -> Output {
    let binary =
        std::env::var_os("SALESCOMMAND_TEST_BIN").expect("set SALESCOMMAND_TEST_BIN to the built binary");
    let folder = TempDir::new().unwrap();
    let mut child = Command::new(binary)
        .args(["user", "create", email, "--name", "Ann", "--role", "viewer"])
        .current_dir(folder.path())
        .env("NATS_URL", by_name(nats))
        .env("SALESCOMMAND_NATS__CA_FILE", ca_file)
        .env("MONGODB_URI", mongo_uri)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"correct horse battery staple").unwrap();
    child.wait_with_output().unwrap()
}

#[tokio::test]
async fn the_product_is_set_up_for_tls_by_its_configuration() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let nats = broker(&authority, "localhost", false);
    let mongo = database(&authority, "localhost").await.unwrap();
    let wrong = create_user("ann@example.com", &nats, &stranger.file(), &mongo.uri());
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(!wrong.status.success() && told.contains("nats.ca_file"), "{told}");
    assert!(!told.contains("of-a-test"), "a password is told: {told}");
    let done = create_user("zed@example.com", &nats, &authority.file(), &mongo.uri());
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // What it has told the log is there.
    let log = connect(&by_name(&nats), &trusting(&authority)).await.unwrap();
    assert_eq!(log.stream("RAW_CONFIG_E1").await.unwrap().unwrap().messages, 1);
}
