/** So much was gone from the source, or fields had gone, that nothing was read of it: somebody who knows why may say that it is right. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { type Acceptable, type SourceStatus, useAcceptChange } from "@/features/sources/api/sync";

export function AcceptChange({ source, what }: { source: SourceStatus; what: Acceptable }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const accept = useAcceptChange(source.name, what);
  return (
    <div className="px-4 pb-4">
      <Button onClick={() => setOpen(true)}>{t(`accept.button.${what}`)}</Button>
      <ConfirmDialog
        open={open}
        onOpenChange={setOpen}
        title={t(`accept.title.${what}`, { source: source.title })}
        text={t(`accept.text.${what}`)}
        confirm={t(`accept.button.${what}`)}
        task={accept}
        onConfirm={() => accept.mutate(undefined, { onSuccess: () => setOpen(false) })}
      />
    </div>
  );
}
