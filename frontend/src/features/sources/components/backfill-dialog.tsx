/** Has a range of days read again: whole ones, in UTC, of all objects or of some. It moves no cursor, and retracts nothing. */
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { TextField } from "@/components/ui/text-field";
import { sourceCursorsQuery } from "@/features/sources/api/manage";
import { type SourceStatus, useBackfill } from "@/features/sources/api/sync";
import { dayAfter } from "@/features/sources/day-after";
import { objectsOf } from "@/features/sources/objects-of";
import { useCan } from "@/lib/access";

interface BackfillDialogProps {
  source: SourceStatus;
  onClosed: () => void;
}

export default function BackfillDialog({ source, onClosed }: BackfillDialogProps) {
  const { t } = useTranslation();
  const hint = useId();
  const backfill = useBackfill(source.name);
  const [open, setOpen] = useState(true);
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  // The last run may have read one object only. Whoever may see how far each was read is offered them all.
  const cursors = useQuery({ ...sourceCursorsQuery(source.name), enabled: useCan("ops:read") });
  const read = cursors.data?.cursors.map(({ object }) => object) ?? [];
  const backwards = from !== "" && to !== "" && to < from;
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (backfill.isPending || backwards) return;
    const range = { from: `${from}T00:00:00Z`, to: `${dayAfter(to)}T00:00:00Z` };
    const objects = chosen.length > 0 ? { objects: chosen } : {};
    backfill.mutate({ ...range, ...objects }, { onSuccess: () => setOpen(false) });
  };
  const title = t("backfill.title", { source: source.title });
  return (
    <Dialog open={open} onOpenChange={setOpen} onClosed={onClosed} label={title} className="max-w-lg">
      <form onSubmit={send} aria-describedby={hint} className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{title}</h2>
        <p id={hint} className="text-ink-2">
          {t("backfill.hint")}
        </p>
        <div className="grid grid-cols-2 gap-3">
          <TextField label={t("backfill.from")} type="date" value={from} required onChange={setFrom} />
          <TextField label={t("backfill.to")} type="date" value={to} required onChange={setTo} />
        </div>
        {backwards && (
          <p role="alert" className="text-bad text-xs">
            {t("backfill.backwards")}
          </p>
        )}
        <Objects names={[...new Set([...read, ...objectsOf(source)])]} chosen={chosen} onChange={setChosen} />
        {backfill.isError && <ErrorState error={backfill.error} />}
        <div className="flex flex-wrap justify-end gap-2 pt-1">
          <DialogClose render={<Button look="ghost">{t("confirm.keep")}</Button>} />
          <Button type="submit" look="primary" aria-disabled={backfill.isPending || backwards}>
            {t("backfill.start")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface ObjectsProps {
  names: string[];
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

function Objects({ names, chosen, onChange }: ObjectsProps) {
  const { t } = useTranslation();
  const toggle = (name: string) =>
    onChange(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  if (names.length === 0) return null;
  return (
    <fieldset className="grid grid-cols-1 gap-x-4 gap-y-1 text-[0.8125rem] sm:grid-cols-2">
      <legend className="mb-1 font-medium">{t("backfill.objects")}</legend>
      {names.map((name) => (
        <label key={name} className="flex min-h-6 items-center gap-2 font-mono text-xs">
          <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
          {name}
        </label>
      ))}
    </fieldset>
  );
}
