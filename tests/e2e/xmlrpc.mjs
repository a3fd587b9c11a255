/** As much XML-RPC as talking to Odoo takes: `call(url, method, params)`. Booleans, integers, doubles, strings, arrays, structs, nil. */

export class Double {
  constructor(value) {
    this.value = value;
  }
}

const escape = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function encode(value) {
  if (value === null || value === undefined) return "<value><nil/></value>";
  if (value instanceof Double) return `<value><double>${value.value}</double></value>`;
  if (typeof value === "boolean") return `<value><boolean>${value ? 1 : 0}</boolean></value>`;
  if (typeof value === "number") {
    return Number.isInteger(value) ? `<value><int>${value}</int></value>` : `<value><double>${value}</double></value>`;
  }
  if (typeof value === "string") return `<value><string>${escape(value)}</string></value>`;
  if (Array.isArray(value)) return `<value><array><data>${value.map(encode).join("")}</data></array></value>`;
  const members = Object.entries(value).map(([name, v]) => `<member><name>${escape(name)}</name>${encode(v)}</member>`);
  return `<value><struct>${members.join("")}</struct></value>`;
}

/** Tags and texts of the answer, in order; whitespace between tags is not a token. */
function tokenize(xml) {
  return [...xml.matchAll(/<\?[^>]*\?>|<(\/?)([\w.]+)\s*(\/?)>|([^<]+)/g)].flatMap(([, close, tag, empty, text]) => {
    if (tag) return empty ? [{ open: tag }, { close: tag }] : [close ? { close: tag } : { open: tag }];
    return text === undefined ? [] : [{ text: unescape(text) }];
  });
}

const ENTITIES = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescape(text) {
  return text.replaceAll(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (name) return ENTITIES[name] ?? whole;
    return String.fromCodePoint(Number.parseInt(hex ?? decimal, hex ? 16 : 10));
  });
}

class Reader {
  constructor(xml) {
    this.tokens = tokenize(xml);
    this.at = 0;
  }

  /** Skips to just behind the next opening of `tag`. */
  skipTo(tag) {
    while (this.at < this.tokens.length && this.tokens[this.at].open !== tag) this.at += 1;
    this.at += 1;
  }

  has(tag) {
    return this.tokens.some((token) => token.open === tag);
  }

  text() {
    const token = this.tokens[this.at];
    if (token?.text === undefined) return "";
    this.at += 1;
    return token.text;
  }

  blank() {
    while (this.tokens[this.at]?.text?.trim() === "") this.at += 1;
  }

  close(tag) {
    this.blank();
    if (this.tokens[this.at]?.close !== tag) throw new Error(`malformed XML-RPC answer: </${tag}> expected`);
    this.at += 1;
  }

  /** A value, its opening <value> already read. */
  value() {
    const before = this.at;
    this.blank();
    const type = this.tokens[this.at]?.open;
    if (!type) {
      this.at = before;
      const text = this.text();
      this.close("value");
      return text;
    }
    this.at += 1;
    const value = this.typed(type);
    this.close(type);
    this.close("value");
    return value;
  }

  typed(type) {
    if (type === "array") return this.array();
    if (type === "struct") return this.struct();
    const text = this.text();
    if (type === "boolean") return text.trim() === "1";
    if (type === "int" || type === "i4" || type === "i8" || type === "double") return Number(text);
    return type === "nil" ? null : text;
  }

  array() {
    const items = [];
    this.skipTo("data");
    for (this.blank(); this.tokens[this.at].open === "value"; this.blank()) {
      this.at += 1;
      items.push(this.value());
    }
    this.close("data");
    return items;
  }

  struct() {
    const members = {};
    for (this.blank(); this.tokens[this.at].open === "member"; this.blank()) {
      this.skipTo("name");
      const name = this.text();
      this.skipTo("value");
      members[name] = this.value();
      this.close("member");
    }
    return members;
  }
}

export async function call(url, method, params) {
  const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params
    .map((param) => `<param>${encode(param)}</param>`)
    .join("")}</params></methodCall>`;
  const answer = await fetch(url, { method: "POST", headers: { "content-type": "text/xml" }, body });
  if (!answer.ok) throw new Error(`${method}: HTTP ${answer.status}`);
  const reader = new Reader(await answer.text());
  const failed = reader.has("fault");
  reader.skipTo("value");
  const value = reader.value();
  if (failed) throw new Error(`${method}: fault ${value.faultCode}: ${value.faultString}`);
  return value;
}
