/** Whether what was built may be read, why, and the switch. A shut gate asks for a reason, which stays on record. */
import { ArrowLeftRight, LockKeyhole, LockKeyholeOpen } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Panel } from "@/components/ui/panel";
import { ReasonField } from "@/components/ui/reason-field";
import { type Replay, useSwitchTo } from "@/features/generations/api/generations";
import { CancelButton } from "@/features/generations/components/cancel-button";
import { useCan } from "@/lib/access";
import { integer } from "@/lib/format";

interface GatePanelProps {
  replay: Replay;
  result: NonNullable<Replay["result"]>;
  /** The parts of the definition that differ. */
  changed: string[];
}

export function GatePanel({ replay, result, changed }: GatePanelProps) {
  const { t } = useTranslation();
  const canManage = useCan("ops:manage");
  const open = result.gate === "open";
  const facts = { n: integer(result.differing), unexplained: integer(result.unexplained) };
  const why =
    result.differing === 0
      ? t("gate.equal")
      : open
        ? t("gate.explained", facts)
        : t("gate.unexplained", facts);
  return (
    <Panel
      title={t("gate.title")}
      actions={
        <span data-testid="gate" data-gate={result.gate}>
          <Badge tone={open ? "ok" : "bad"} icon={open ? LockKeyholeOpen : LockKeyhole}>
            {t(`gate.state.${result.gate}`)}
          </Badge>
        </span>
      }
    >
      <div className="flex flex-col gap-2 text-[0.8125rem]">
        <p>{why}</p>
        <p className="text-ink-2">
          {changed.length === 0 ? (
            t("gate.sameDefinition")
          ) : (
            <>
              {t("gate.changedDefinition")}{" "}
              <span className="break-words font-mono text-xs">{changed.join(", ")}</span>
            </>
          )}
        </p>
        {replay.accepted_because && (
          <p>
            {t("gate.accepted", { name: replay.commanded_by ?? "" })} <q>{replay.accepted_because}</q>
          </p>
        )}
        {canManage && replay.state === "ready" && <Commands replay={replay} open={open} />}
      </div>
    </Panel>
  );
}

function Commands({ replay, open }: { replay: Replay; open: boolean }) {
  const { t } = useTranslation();
  const [asks, setAsks] = useState(false);
  const [reason, setReason] = useState("");
  const change = useSwitchTo(replay.id);
  const told = replay.command === "switch";
  return (
    <div className="flex flex-wrap gap-2 pt-1">
      <Button
        look={open ? "primary" : "secondary"}
        aria-disabled={told}
        onClick={() => !told && setAsks(true)}
      >
        <ArrowLeftRight aria-hidden className="size-3.5" />
        {t(told ? "gate.switching" : open ? "gate.switch" : "gate.switchAnyway")}
      </Button>
      <CancelButton replay={replay} />
      <ConfirmDialog
        open={asks}
        onOpenChange={setAsks}
        title={t(open ? "gate.switchTitle" : "gate.anywayTitle")}
        text={t(open ? "gate.switchText" : "gate.anywayText")}
        confirm={t(open ? "gate.switch" : "gate.switchAnyway")}
        task={change}
        onConfirm={() => change.mutate(open ? undefined : reason.trim(), { onSuccess: () => setAsks(false) })}
      >
        {!open && (
          <div className="flex flex-col gap-1">
            <ReasonField label={t("gate.reason")} value={reason} onChange={setReason} />
          </div>
        )}
      </ConfirmDialog>
    </div>
  );
}
