/** A mail server that takes everything and keeps it: a letter is its addresses and its text, decoded. */
import { createServer } from "node:net";

/** Listens where SalesCommand has been told to send; gives the letters so far and a function that ends it. */
export async function startMailServer(port) {
  const letters = [];
  const sockets = new Set();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    const say = (line) => socket.write(`${line}\r\n`);
    let rest = "";
    let letter = { to: [], lines: [] };
    let inData = false;
    const hear = (line) => {
      const [verb] = line.toUpperCase().split(/[ :]/);
      if (inData && line !== ".") return letter.lines.push(line.replace(/^\.\./, "."));
      if (inData) {
        inData = false;
        letters.push({ to: letter.to, text: textOf(letter.lines) });
        letter = { to: [], lines: [] };
        return say("250 taken");
      }
      if (verb === "RCPT") letter.to.push(line.replace(/^.*<(.*)>.*$/, "$1"));
      if (verb === "QUIT") return socket.end("221 bye\r\n");
      inData = verb === "DATA";
      return say(inData ? "354 go on" : "250 fine");
    };
    say("220 here");
    socket.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\r\n");
      rest = lines.pop();
      for (const line of lines) hear(line);
    });
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const stop = () => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  };
  return { letters, stop };
}

/** The body, with lines that were folded in transport put together again. */
function textOf(lines) {
  const border = lines.indexOf("");
  const quoted = lines.slice(0, border).some((line) => /^content-transfer-encoding: quoted-printable/i.test(line));
  const body = lines.slice(border + 1).join("\n");
  if (!quoted) return body;
  const bytes = body.replaceAll("=\n", "").replaceAll(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString("utf8");
}
