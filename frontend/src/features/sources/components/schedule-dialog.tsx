/** Sets the cadence of a source and of its objects. An empty field of an object means: with the others. */
import { type FormEvent, useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { type SourceStatus, useSetSchedule } from "@/features/sources/api/sync";
import { objectsOf } from "@/features/sources/objects-of";

const SUGGESTED = ["manual", "webhook", "5m", "15m", "1h", "6h", "1d", "*/10 7-19 * * MON-FRI Europe/Zurich"];

export function ScheduleDialog({ source, onClosed }: { source: SourceStatus; onClosed: () => void }) {
  const { t } = useTranslation();
  const id = useId();
  const set = useSetSchedule(source.name);
  const [open, setOpen] = useState(true);
  const [cadence, setCadence] = useState(source.schedule.cadence);
  const [objects, setObjects] = useState(source.schedule.objects);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (set.isPending) return;
    const own = Object.entries(objects).filter(([, text]) => text.trim() !== "");
    set.mutate({ cadence, objects: Object.fromEntries(own) }, { onSuccess: () => setOpen(false) });
  };
  const title = t("schedule.dialog", { source: source.title });
  return (
    <Dialog open={open} onOpenChange={setOpen} onClosed={onClosed} label={title} className="max-w-lg">
      <form
        onSubmit={submit}
        aria-describedby={`${id}-hint`}
        className="flex flex-col gap-3 overflow-y-auto p-5"
      >
        <h2 className="font-semibold text-base">{title}</h2>
        <p id={`${id}-hint`} className="text-ink-2">
          {t("schedule.hint")}
        </p>
        <datalist id={`${id}-suggested`}>
          {SUGGESTED.map((text) => (
            <option key={text} value={text} />
          ))}
        </datalist>
        <Field
          label={t("schedule.all")}
          list={`${id}-suggested`}
          value={cadence}
          onChange={setCadence}
          required
        />
        {objectsOf(source).map((object) => (
          <Field
            key={object}
            label={object}
            list={`${id}-suggested`}
            value={objects[object] ?? ""}
            onChange={(text) => setObjects({ ...objects, [object]: text })}
          />
        ))}
        {set.isError && <ErrorState error={set.error} />}
        <div className="flex flex-wrap justify-end gap-2 pt-1">
          <DialogClose render={<Button look="ghost">{t("confirm.keep")}</Button>} />
          <Button type="submit" look="primary" aria-disabled={set.isPending}>
            {t("schedule.save")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

interface FieldProps {
  label: string;
  list: string;
  value: string;
  onChange: (text: string) => void;
  required?: boolean;
}

function Field({ label, list, value, onChange, required = false }: FieldProps) {
  const { t } = useTranslation();
  return (
    <label className="grid grid-cols-[minmax(0,1fr)_minmax(0,1.4fr)] items-center gap-3 text-[0.8125rem]">
      <span className="break-words font-medium">{label}</span>
      <input
        list={list}
        value={value}
        required={required}
        placeholder={required ? undefined : t("schedule.withTheOthers")}
        onChange={(event) => onChange(event.target.value)}
        className="h-8 w-full rounded-md border border-line-strong bg-surface px-2.5 font-mono text-xs"
      />
    </label>
  );
}
