/** MSW handlers typed by the generated schema: a path that does not exist, or a body of another shape, does not compile. */
import { HttpResponse, http, type RequestHandler } from "msw";
import type { paths } from "@/api/schema.gen";
import type { Schemas } from "@/lib/api-client";

type Method = "get" | "post" | "put";
type PathsOf<M extends Method> = {
  [P in keyof paths]: paths[P] extends Record<M, object> ? P : never;
}[keyof paths];

type BodyOf<P extends keyof paths, M extends Method> =
  paths[P] extends Record<M, { responses: infer R }>
    ? {
        [S in keyof R]: S extends 200 | 202
          ? R[S] extends { content: { "application/json": infer B } }
            ? B
            : never
          : never;
      }[keyof R]
    : never;

/** "{type}" of OpenAPI is ":type" of MSW. */
const pattern = (path: string) => `*${path.replaceAll(/\{(\w+)\}/g, ":$1")}`;

type Given<P extends keyof paths, M extends Method> = BodyOf<P, M> | ((request: Request) => BodyOf<P, M>);

function handler<M extends Method>(method: M) {
  return <P extends PathsOf<M>>(path: P, body: Given<P, M>, status = 200): RequestHandler =>
    http[method](pattern(path), ({ request }) =>
      HttpResponse.json(
        typeof body === "function" ? (body as (r: Request) => object)(request) : (body as object),
        { status },
      ),
    );
}

export const answer = { get: handler("get"), post: handler("post") };

/** The same, refusing. */
export function refuse(
  method: Method,
  path: keyof paths,
  problem: Partial<Schemas["Problem"]> & { status: number },
  headers = {},
) {
  return http[method](pattern(path), () =>
    HttpResponse.json(
      {
        type: `/problems/${problem.code}`,
        title: "Refused",
        detail: "",
        code: "refused",
        request_id: "req-7",
        ...problem,
      },
      { status: problem.status, headers: { "content-type": "application/problem+json", ...headers } },
    ),
  );
}
