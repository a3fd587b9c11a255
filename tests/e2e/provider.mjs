/**
 * A real OpenID provider in the place of Microsoft: issuer per tenant, a confidential client, PKCE required, its own
 * sign-in pages. It is reached as `localhost` and SalesCommand as 127.0.0.1, so that to a browser they are two sites.
 * Whoever exists there, and what the directory says of them, is in PEOPLE.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

export const TENANT = "11111111-2222-3333-4444-555555555555";

export const PEOPLE = {
  erin: { name: "Erin Vale", roles: ["Sales.Executives"], email: "erin@elsewhere.example" },
  ayse: { name: "Ayşe Demir", roles: ["Sales.Users"], email: "ayse.demir@securado.net", xms_edov: true },
  mallory: { name: "Mallory", roles: ["Sales.Users"], email: "superadmin@salescommand.com" },
  victor: { name: "Victor", roles: ["Visitors"], email: "victor@securado.net", xms_edov: true },
};

/** Listens where SalesCommand has been told to look; gives a function that ends it. */
export async function startProvider({ port, clientId, clientSecret, application }) {
  const mount = `/${TENANT}/v2.0`;
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = { ...privateKey.export({ format: "jwk" }), kid: "first", use: "sig", alg: "RS256" };
  const provider = new Provider(`http://localhost:${port}${mount}`, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${application}/api/auth/ms365/callback`],
        post_logout_redirect_uris: [`${application}/sign-in?why=signed-out`],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: [randomBytes(32).toString("hex")] },
    scopes: ["openid", "profile", "email", "User.Read"],
    claims: { openid: ["sub", "tid", "oid"], profile: ["name", "roles"], email: ["email", "xms_edov"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
    findAccount: (_context, id) =>
      PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, oid: `oid-of-${id}`, tid: TENANT, ...PEOPLE[id] }) },
  });
  const answer = provider.callback();
  const server = createServer((request, response) => {
    if (!request.url.startsWith(mount)) {
      response.writeHead(404).end();
      return;
    }
    request.originalUrl = request.url;
    request.url = request.url.slice(mount.length) || "/";
    answer(request, response);
  });
  await new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
}
