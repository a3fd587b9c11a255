/** A mail server that takes everything and keeps it: a letter is its addresses and its text. */
import { buffer } from "node:stream/consumers";
import PostalMime from "postal-mime";
import { SMTPServer } from "smtp-server";

/** Listens where SalesCommand has been told to send; gives the letters so far and a function that ends it. */
export async function startMailServer(port) {
  const letters = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    disableReverseLookup: true,
    onData(stream, session, taken) {
      const parsed = buffer(stream).then((bytes) => PostalMime.parse(bytes));
      parsed.then(({ text }) => {
        letters.push({ to: session.envelope.rcptTo.map(({ address }) => address), text });
        taken();
      }, taken);
    },
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return { letters, stop: () => new Promise((resolve) => server.close(resolve)) };
}
