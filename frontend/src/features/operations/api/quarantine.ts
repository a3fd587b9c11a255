/** Rejected raw events: a page of them, one with its raw event, and the two decisions about one. */
import { keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/lib/api-client";

export type Reject = Schemas["Reject"];
export type RejectState = Schemas["RejectState"];

export const REJECT_STATES = ["open", "superseded", "waived"] as const satisfies RejectState[];

/** What the address says of the list; without a state all are meant. */
export interface QuarantineSearch {
  state: RejectState | "all";
  source?: string | undefined;
  reason?: string | undefined;
  cursor?: string | undefined;
  page: number;
}

/** Where a raw event stands. */
export interface RawPlace {
  instance: string;
  epoch: number;
  sequence: number;
}

const PAGE_SIZE = 50;

export function quarantineQuery({ state, source, reason, cursor }: Omit<QuarantineSearch, "page">) {
  return queryOptions({
    queryKey: ["lake", "quarantine", "list", state, source ?? "", reason ?? "", cursor ?? ""],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/data-lake/quarantine", {
          signal,
          params: {
            query: { state: state === "all" ? undefined : state, source, reason, cursor, limit: PAGE_SIZE },
          },
        }),
      ),
    placeholderData: keepPreviousData,
  });
}

export function rejectQuery(place: RawPlace) {
  return queryOptions({
    queryKey: ["lake", "quarantine", "one", place.instance, place.epoch, place.sequence],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/data-lake/quarantine/{instance}/{epoch}/{sequence}", {
          signal,
          params: { path: { ...place } },
        }),
      ),
  });
}

export const epochsQuery = queryOptions({
  queryKey: ["lake", "epochs"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/data-lake/epochs", { signal })),
});

/** A decision: none for "read it again", a reason for "leave it out". */
type Decision = { retry: true } | { waive: string };

/** Decides, then asks anew for whatever the decision may have changed, but for the event itself: it may be gone. */
export function useDecide(place: RawPlace) {
  const queryClient = useQueryClient();
  const params = { path: { ...place } };
  return useMutation({
    mutationFn: (decision: Decision) =>
      "waive" in decision
        ? unwrap(
            api.POST("/api/data-lake/quarantine/{instance}/{epoch}/{sequence}/waive", {
              params,
              body: { reason: decision.waive },
            }),
          )
        : unwrap(api.POST("/api/data-lake/quarantine/{instance}/{epoch}/{sequence}/retry", { params })),
    onSuccess: ({ outcome }) => {
      const gone = outcome === "accepted";
      return queryClient.invalidateQueries({
        predicate: ({ queryKey: [zone, what, part] }) =>
          zone === "lake" && !(gone && what === "quarantine" && part === "one"),
      });
    },
  });
}

/** `odoo/1/17` as the parts of an address. */
export function placeOf(id: string): RawPlace {
  const [instance = "", epoch, sequence] = id.split("/");
  return { instance, epoch: Number(epoch), sequence: Number(sequence) };
}
