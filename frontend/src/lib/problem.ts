/** Problems as the user meets them: every failure of a call becomes one `ApiProblem`, with a request id where the server gave one. */
import type { components } from "@/api/schema.gen";

type ProblemBody = components["schemas"]["Problem"];

export class ApiProblem extends Error {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly fix: string | undefined;
  readonly requestId: string | undefined;
  /** Seconds to wait, from Retry-After. */
  readonly retryAfter: number | undefined;

  constructor(body: Partial<ProblemBody> & { status: number }, retryAfter?: number) {
    super(body.detail ?? body.title ?? `HTTP ${body.status}`);
    this.name = "ApiProblem";
    this.status = body.status;
    this.code = body.code ?? "unknown";
    this.title = body.title ?? `HTTP ${body.status}`;
    this.fix = body.fix ?? undefined;
    this.requestId = body.request_id;
    this.retryAfter = retryAfter;
  }
}

/** No answer at all: the server is down, or the network is. */
export function unreachable(): ApiProblem {
  return new ApiProblem({ status: 0, code: "unreachable" });
}

export function toProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  return new ApiProblem({
    status: 0,
    code: "unexpected",
    detail: error instanceof Error ? error.message : "",
  });
}

/** Builds the problem of a failed answer; `body` may be anything (a proxy answers with HTML). */
export function problemOf(response: Response, body: unknown): ApiProblem {
  const given = isRecord(body) ? body : {};
  const text = (key: string) => {
    const value = given[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  return new ApiProblem(
    {
      status: response.status,
      code: text("code"),
      title: text("title"),
      detail: text("detail"),
      fix: text("fix"),
      request_id: text("request_id") ?? response.headers.get("x-request-id") ?? undefined,
    },
    retryAfterSeconds(response),
  );
}

function retryAfterSeconds(response: Response): number | undefined {
  const seconds = Number.parseInt(response.headers.get("retry-after") ?? "", 10);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
