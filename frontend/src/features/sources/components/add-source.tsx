/** Adds a source, then tests it: what does not work is said at once, and nothing has been read yet. */
import { Plus } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { useAddSource } from "@/features/sources/api/manage";
import { SourceForm, type SourceFormValues } from "@/features/sources/components/source-form";
import { SourceTestDialog } from "@/features/sources/components/source-test";

export function AddSource() {
  const { t } = useTranslation();
  const add = useAddSource();
  const [open, setOpen] = useState(false);
  const [added, setAdded] = useState<{ name: string; title: string }>();
  const submit = ({ name, kind, settings, secret }: SourceFormValues, close: () => void) =>
    add.mutate(
      { name, kind, settings, secret },
      {
        onSuccess: (source) => {
          close();
          setAdded(source);
        },
      },
    );
  const begin = () => {
    add.reset();
    setOpen(true);
  };
  return (
    <>
      <Button onClick={begin}>
        <Plus aria-hidden className="size-3.5" />
        {t("source.add")}
      </Button>
      {open && (
        <SourceForm
          title={t("source.addTitle")}
          submit={t("source.add")}
          task={add}
          onSubmit={submit}
          onClosed={() => setOpen(false)}
        />
      )}
      {added && <SourceTestDialog source={added} onClosed={() => setAdded(undefined)} />}
    </>
  );
}
