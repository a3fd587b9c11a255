/** Stops a replay that is not over, after asking. */
import { CircleStop } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { isOver, type Replay, useCancelReplay } from "@/features/generations/api/generations";
import { useCan } from "@/lib/access";

export function CancelButton({ replay }: { replay: Replay }) {
  const { t } = useTranslation();
  const canManage = useCan("ops:manage");
  const [asks, setAsks] = useState(false);
  const cancel = useCancelReplay(replay.id);
  if (!canManage || isOver(replay)) return null;
  const told = replay.command === "cancel";
  return (
    <>
      <Button look="ghost" aria-disabled={told} onClick={() => !told && setAsks(true)}>
        <CircleStop aria-hidden className="size-3.5" />
        {t(told ? "replay.cancelling" : "replay.cancel")}
      </Button>
      <ConfirmDialog
        open={asks}
        onOpenChange={setAsks}
        title={t("replay.cancelTitle")}
        text={t("replay.cancelText")}
        confirm={t("replay.cancel")}
        task={cancel}
        onConfirm={() => cancel.mutate(undefined, { onSuccess: () => setAsks(false) })}
      />
    </>
  );
}
