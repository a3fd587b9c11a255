/** Declares who somebody reports to, from one day to another. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Segmented } from "@/components/ui/segmented";
import { TextField } from "@/components/ui/text-field";
import { type OrgPerson, type PersonRef, useDeclareManager } from "@/features/organisation/api/organisation";
import { PersonField } from "@/features/organisation/components/person-field";

export function ManagerDialog({ person, onClosed }: { person: OrgPerson; onClosed: () => void }) {
  const { t } = useTranslation();
  const declare = useDeclareManager();
  const [kind, setKind] = useState<"somebody" | "nobody">("somebody");
  const [manager, setManager] = useState<PersonRef>();
  const [days, setDays] = useState({ from: "", until: "" });
  const [note, setNote] = useState("");
  const submit = () => {
    if (kind === "somebody" && !manager) return;
    const body = {
      person: person.id,
      manager: kind === "somebody" ? (manager?.id ?? null) : null,
      from: days.from || null,
      until: days.until || null,
      note: note || null,
    };
    declare.mutate(body, { onSuccess: onClosed });
  };
  return (
    <ConfirmDialog
      open
      onOpenChange={(now) => !now && onClosed()}
      title={t("org.managerTitle", { name: person.name })}
      text={t("org.managerText")}
      confirm={t("org.declare")}
      task={declare}
      onConfirm={submit}
    >
      <div>
        <Segmented
          label={t("org.reportsTo")}
          value={kind}
          onChange={setKind}
          options={[
            { value: "somebody", label: t("org.toSomebody") },
            { value: "nobody", label: t("org.toNobody") },
          ]}
        />
      </div>
      {kind === "somebody" && <PersonField label={t("org.manager")} value={manager} onChange={setManager} />}
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label={t("org.firstDay")}
          hint={t("org.firstDayHint")}
          type="date"
          value={days.from}
          onChange={(from) => setDays({ ...days, from })}
        />
        <TextField
          label={t("org.lastDay")}
          hint={t("org.lastDayHint")}
          type="date"
          min={days.from}
          value={days.until}
          onChange={(until) => setDays({ ...days, until })}
        />
      </div>
      <TextField label={t("org.note")} maxLength={500} value={note} onChange={setNote} />
    </ConfirmDialog>
  );
}
