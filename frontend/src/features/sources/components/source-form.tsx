/** A source: where it is and who reads it. For a new one its kind and name, too; for one that is there, the secret only if it changes. */
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";
import { Segmented } from "@/components/ui/segmented";
import { TextField } from "@/components/ui/text-field";
import { KIND_OPTIONS, settingsOf } from "@/features/sources/kinds";

export interface SourceFormValues {
  kind: string;
  name: string;
  title: string;
  settings: Record<string, string>;
  secret: string;
}

interface SourceFormProps {
  title: string;
  submit: string;
  /** The source that is changed; none for a new one. */
  present?: SourceFormValues;
  task: { isPending: boolean; error: unknown };
  onSubmit: (values: SourceFormValues, close: () => void) => void;
  onClosed: () => void;
}

const NEW: SourceFormValues = { kind: "odoo", name: "", title: "", settings: {}, secret: "" };

export function SourceForm({ title, submit, present, task, onSubmit, onClosed }: SourceFormProps) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(true);
  const [values, setValues] = useState(present ?? NEW);
  const set = (part: Partial<SourceFormValues>) => setValues({ ...values, ...part });
  const send = (event: FormEvent) => {
    event.preventDefault();
    if (!task.isPending) onSubmit(values, () => setOpen(false));
  };
  return (
    <Dialog open={open} onOpenChange={setOpen} onClosed={onClosed} label={title} className="max-w-lg">
      <form onSubmit={send} className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{title}</h2>
        {!present && (
          <Segmented
            label={t("source.kind")}
            value={values.kind}
            options={KIND_OPTIONS}
            onChange={(kind) => set({ kind, settings: {} })}
          />
        )}
        {present ? (
          <TextField
            label={t("source.title")}
            value={values.title}
            required
            onChange={(text) => set({ title: text })}
          />
        ) : (
          <TextField
            label={t("source.name")}
            hint={t("source.nameHint")}
            value={values.name}
            required
            pattern="[a-z][a-z0-9\-]*"
            maxLength={32}
            onChange={(name) => set({ name })}
          />
        )}
        {settingsOf(values.kind).map((setting) => (
          <TextField
            key={setting}
            label={t(`source.settings.${setting}`)}
            type={setting === "url" ? "url" : "text"}
            value={values.settings[setting] ?? ""}
            required
            autoComplete="off"
            onChange={(text) => set({ settings: { ...values.settings, [setting]: text } })}
          />
        ))}
        <TextField
          label={t("source.secret")}
          hint={t(present ? "source.secretKept" : "source.secretHint")}
          type="password"
          autoComplete="new-password"
          value={values.secret}
          required={!present}
          onChange={(secret) => set({ secret })}
        />
        {!!task.error && <ErrorState error={task.error} />}
        <div className="flex flex-wrap justify-end gap-2 pt-1">
          <DialogClose render={<Button look="ghost">{t("confirm.keep")}</Button>} />
          <Button type="submit" look="primary" aria-disabled={task.isPending}>
            {submit}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
