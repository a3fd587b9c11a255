/** What is read, what was read before, and the way between them. */
import { Trash2, Undo2 } from "lucide-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Panel } from "@/components/ui/panel";
import {
  type GenerationList,
  type GenerationSet,
  useDropPrevious,
  useRollBack,
} from "@/features/generations/api/generations";
import { useCan } from "@/lib/access";
import { integer } from "@/lib/format";

export function SwitchPanel({ position }: { position: GenerationList["switch"] }) {
  const { t } = useTranslation();
  const canManage = useCan("ops:manage");
  const { active, previous } = position;
  return (
    <Panel title={t("generations.switch")} hint={t("generations.switchHint")}>
      <div className="grid grid-cols-[minmax(0,1fr)] gap-4 sm:grid-cols-2">
        <SetView name={t("generations.active")} set={active} testId="active-generation" />
        {previous ? (
          <div className="flex min-w-0 flex-col gap-3">
            <SetView name={t("generations.previous")} set={previous} testId="previous-generation" />
            {canManage && <WayBack active={active} previous={previous} />}
          </div>
        ) : (
          <p className="text-[0.8125rem] text-ink-2">{t("generations.noPrevious")}</p>
        )}
      </div>
    </Panel>
  );
}

function SetView({ name, set, testId }: { name: string; set: GenerationSet; testId: string }) {
  const { t } = useTranslation();
  return (
    <div className="min-w-0" data-testid={testId} data-canonical={set.canonical}>
      <p className="text-ink-2 text-xs">{name}</p>
      <p className="num font-semibold text-lg tracking-tight">
        {t("generations.canonical", { n: integer(set.canonical) })}
      </p>
      <ul className="num flex flex-wrap gap-x-3 text-ink-2 text-xs">
        {Object.entries(set.serving).map(([projection, number]) => (
          <li key={projection} className="font-mono text-2xs">
            {projection} {number}
          </li>
        ))}
      </ul>
    </div>
  );
}

function WayBack({ active, previous }: { active: GenerationSet; previous: GenerationSet }) {
  const { t } = useTranslation();
  const [asks, setAsks] = useState<"back" | "drop">();
  const back = useRollBack();
  const drop = useDropPrevious();
  const close = () => setAsks(undefined);
  return (
    <div className="flex flex-wrap gap-2">
      <Button onClick={() => setAsks("back")}>
        <Undo2 aria-hidden className="size-3.5" />
        {t("generations.rollBack")}
      </Button>
      <Button look="ghost" onClick={() => setAsks("drop")}>
        <Trash2 aria-hidden className="size-3.5" />
        {t("generations.drop")}
      </Button>
      <ConfirmDialog
        open={asks === "back"}
        onOpenChange={close}
        title={t("generations.rollBackTitle", { n: integer(previous.canonical) })}
        text={t("generations.rollBackText")}
        confirm={t("generations.rollBack")}
        task={back}
        onConfirm={() => back.mutate(active, { onSuccess: close })}
      />
      <ConfirmDialog
        open={asks === "drop"}
        onOpenChange={close}
        title={t("generations.dropTitle")}
        text={t("generations.dropText")}
        confirm={t("generations.drop")}
        task={drop}
        onConfirm={() => drop.mutate(previous, { onSuccess: close })}
      />
    </div>
  );
}
