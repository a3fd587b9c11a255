/** Asks for a replay: of everything, of one source, or of one projection. */
import { Play } from "lucide-react";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { useStartReplay } from "@/features/generations/api/generations";
import { StartError } from "@/features/generations/components/start-error";
import type { Schemas } from "@/lib/api-client";

/** Stands for the whole raw zone in the list of what can be replayed. */
const EVERYTHING = "";
/** Marks a source in that list: no name of a projection or a source has this character. */
const SOURCE = "source:";

export function StartPanel({ sources, projections }: { sources: string[]; projections: string[] }) {
  const { t } = useTranslation();
  const id = useId();
  const [what, setWhat] = useState(EVERYTHING);
  const [switches, setSwitches] = useState(false);
  const start = useStartReplay();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (start.isPending) return;
    start.mutate({ ...kindOf(what), switch: switches });
  };
  return (
    <Panel title={t("startReplay.title")} hint={t("startReplay.hint")}>
      <form onSubmit={submit} className="flex flex-col gap-3 text-[0.8125rem]">
        <div className="flex flex-wrap items-end gap-x-4 gap-y-3">
          <div className="flex min-w-0 flex-col gap-1">
            <label htmlFor={id} className="font-medium">
              {t("startReplay.what")}
            </label>
            <select
              id={id}
              value={what}
              onChange={(event) => setWhat(event.target.value)}
              className="h-8 max-w-full rounded-md border border-line-strong bg-surface px-2 text-ink"
            >
              <option value={EVERYTHING}>{t("startReplay.everything")}</option>
              {sources.map((name) => (
                <option key={SOURCE + name} value={SOURCE + name}>
                  {t("startReplay.source", { name })}
                </option>
              ))}
              {projections.map((name) => (
                <option key={name} value={name}>
                  {t("startReplay.projection", { name })}
                </option>
              ))}
            </select>
          </div>
          <Button type="submit" look="primary" aria-disabled={start.isPending}>
            <Play aria-hidden className="size-3.5" />
            {t("startReplay.start")}
          </Button>
        </div>
        <label className="flex items-start gap-2 text-ink-2">
          <input
            type="checkbox"
            checked={switches}
            onChange={(event) => setSwitches(event.target.checked)}
            className="mt-0.5 size-4 accent-accent"
          />
          {t("startReplay.switch")}
        </label>
        <StartError error={start.error} />
      </form>
    </Panel>
  );
}

function kindOf(what: string): Pick<Schemas["ReplayRequest"], "kind" | "source" | "projection"> {
  if (what === EVERYTHING) return { kind: "raw" };
  if (what.startsWith(SOURCE)) return { kind: "source", source: what.slice(SOURCE.length) };
  return { kind: "projection", projection: what };
}
