/**
 * The one place that talks HTTP. Typed by the generated schema; every failure is thrown as an `ApiProblem`.
 * A 401 renews the session once and repeats the call; what is still 401 after that means: sign in again.
 */
import createClient from "openapi-fetch";
import type { components, paths } from "@/api/schema.gen";
import { problemOf, unreachable } from "@/lib/problem";
import { renewSession } from "@/lib/session-refresh";

export type Schemas = components["schemas"];

const SIGN_IN_CALLS = new Set(["/api/auth/login", "/api/auth/logout", "/api/auth/refresh"]);

async function fetchWithRenewal(request: Request): Promise<Response> {
  const again = request.clone();
  const startedAt = Date.now();
  const answer = await reach(request);
  if (answer.status !== 401 || SIGN_IN_CALLS.has(new URL(request.url).pathname)) return answer;
  const renewed = await renewSession(startedAt).catch(() => {
    throw unreachable();
  });
  return renewed ? reach(again) : answer;
}

async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (error) {
    if (request.signal.aborted) throw error;
    throw unreachable();
  }
}

export const api = createClient<paths>({
  baseUrl: location.origin,
  fetch: fetchWithRenewal,
  headers: { "X-Requested-With": "salescommand" },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a successful answer, or the problem thrown. */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw problemOf(response, error);
  return data as T;
}
