/** Asks for a replay: of everything, or of one projection. */
import { Play } from "lucide-react";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { useStartReplay } from "@/features/generations/api/generations";
import { StartError } from "@/features/generations/components/start-error";

/** Stands for the whole raw zone in the list of what can be replayed; no projection has this name. */
const EVERYTHING = "";

export function StartPanel({ projections }: { projections: string[] }) {
  const { t } = useTranslation();
  const id = useId();
  const [what, setWhat] = useState(EVERYTHING);
  const [switches, setSwitches] = useState(false);
  const start = useStartReplay();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (start.isPending) return;
    start.mutate(
      what === EVERYTHING
        ? { kind: "raw", switch: switches }
        : { kind: "projection", projection: what, switch: switches },
    );
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
