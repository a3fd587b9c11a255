//! What an operator does to a database: set one up for development, throw one away after a test.
//!
//! Nothing here runs in a SalesCommand process that serves; `cargo xtask` and tests call it.

use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::Client;
use mongodb::options::{ClientOptions, Credential, ServerAddress};
use salescommand_store::Error;

use crate::error::{ANSWER, classify, code, malformed, silent, within};
use crate::{APP_NAME, MongoStore, SERVER_SELECTION};

/// The user that [`init_dev_replica_set`] creates, in the database `admin`.
pub const DEV_USER: &str = "salescommand";

/// How long a single member may take to elect itself.
const ELECTION: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);
const SET_NAME: &str = "rs0";

/// Codes that tell that a user exists: by name, or because the localhost exception has ended.
const USER_EXISTS: [i32; 2] = [51_003, 13];
const ALREADY_INITIALIZED: i32 = 23;

/// Makes a mongod on this machine a replica set of one, with [`DEV_USER`] (role `root`) as its first user. For
/// development only.
///
/// The URI has no user: it works through the localhost exception, which MongoDB closes with the first user. A
/// second run changes nothing, and checks that the password still fits. The server must be started with `--replSet`
/// `rs0`, and with `--keyFile` for the password to be asked at all; without it no user is needed, and one is
/// created all the same.
///
/// [`Error::Unavailable`] if the server does not answer or does not become primary within 30 s, [`Error::Refused`]
/// if the password is another.
pub async fn init_dev_replica_set(uri_without_auth: &str, root_password: &str) -> Result<(), Error> {
    let options = direct(uri_without_auth).await?;
    let Some(ServerAddress::Tcp { host, port }) = options.hosts.first().cloned() else {
        return Err(Error::Refused("the address must be a host and a port".to_owned()));
    };
    let address = format!("{host}:{}", port.unwrap_or(27_017));
    let client = Client::with_options(options.clone()).map_err(classify)?;
    initiate(&client, &address).await?;
    await_primary(&client).await?;
    create_user(&client, root_password).await?;
    verify(options, root_password).await
}

/// Deletes the database with all that is in it.
pub async fn drop_database(store: &MongoStore) -> Result<(), Error> {
    within(store.db.drop()).await
}

/// Makes an already started mongod without authentication a replica set of one, and waits for its primary: for
/// tests.
pub async fn init_open_replica_set(uri: &str) -> Result<(), Error> {
    let options = direct(uri).await?;
    let Some(address) = options.hosts.first().map(ToString::to_string) else {
        return Err(Error::Refused("the address must be a host and a port".to_owned()));
    };
    let client = Client::with_options(options).map_err(classify)?;
    initiate(&client, &address).await?;
    await_primary(&client).await
}

/// To this server and no other, whatever set it belongs to.
async fn direct(uri: &str) -> Result<ClientOptions, Error> {
    let mut options = ClientOptions::parse(uri).await.map_err(malformed)?;
    options.direct_connection = Some(true);
    options.repl_set_name = None;
    options.server_selection_timeout.get_or_insert(SERVER_SELECTION);
    options.app_name = Some(APP_NAME.to_owned());
    Ok(options)
}

async fn hello(client: &Client) -> Result<Document, Error> {
    within(client.database("admin").run_command(doc! { "hello": 1 })).await
}

async fn initiate(client: &Client, address: &str) -> Result<(), Error> {
    if hello(client).await?.contains_key("setName") {
        return Ok(());
    }
    let config = doc! { "_id": SET_NAME, "members": [{ "_id": 0, "host": address }] };
    let admin = client.database("admin");
    let call = admin.run_command(doc! { "replSetInitiate": config });
    match tokio::time::timeout(ANSWER, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if code(&error) == Some(ALREADY_INITIALIZED) => Ok(()),
        Ok(Err(error)) => Err(classify(error)),
        Err(_) => Err(silent()),
    }
}

async fn await_primary(client: &Client) -> Result<(), Error> {
    let until = Instant::now() + ELECTION;
    loop {
        match hello(client).await {
            Ok(answer) if answer.get_bool("isWritablePrimary").unwrap_or(false) => return Ok(()),
            Err(error) if !error.is_transient() => return Err(error),
            _ if Instant::now() >= until => {
                let text =
                    "the replica set has no primary after 30 s: its one member must keep its host and port";
                return Err(Error::Unavailable(text.to_owned()));
            }
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

async fn create_user(client: &Client, password: &str) -> Result<(), Error> {
    let admin = client.database("admin");
    let call = admin.run_command(doc! { "createUser": DEV_USER, "pwd": password, "roles": ["root"] });
    match tokio::time::timeout(ANSWER, call).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) if code(&error).is_some_and(|code| USER_EXISTS.contains(&code)) => Ok(()),
        Ok(Err(error)) => Err(classify(error)),
        Err(_) => Err(silent()),
    }
}

/// Signs in with the password: a user of an earlier run may have another.
async fn verify(mut options: ClientOptions, password: &str) -> Result<(), Error> {
    let user = Credential::builder().username(DEV_USER.to_owned()).password(password.to_owned());
    options.credential = Some(user.source("admin".to_owned()).build());
    let client = Client::with_options(options).map_err(classify)?;
    within(client.database("admin").run_command(doc! { "ping": 1 })).await?;
    Ok(())
}
