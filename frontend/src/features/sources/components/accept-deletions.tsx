/** So much was gone from the source that nothing was retracted: somebody who knows why may say that it is right. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { type SourceStatus, useAcceptDeletions } from "@/features/sources/api/sync";

export function AcceptDeletions({ source }: { source: SourceStatus }) {
  const { t } = useTranslation();
  const [open, setOpen] = useState(false);
  const accept = useAcceptDeletions(source.name);
  return (
    <div className="px-4 pb-4">
      <Button onClick={() => setOpen(true)}>{t("sources.acceptDeletions")}</Button>
      <ConfirmDialog
        open={open}
        onOpenChange={setOpen}
        title={t("sources.acceptTitle", { source: source.title })}
        text={t("sources.acceptText")}
        confirm={t("sources.acceptDeletions")}
        task={accept}
        onConfirm={() => accept.mutate(undefined, { onSuccess: () => setOpen(false) })}
      />
    </div>
  );
}
