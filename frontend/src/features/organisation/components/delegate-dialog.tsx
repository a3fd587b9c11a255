/** Lets a colleague see what one sees, for some days; for somebody else, by whoever manages accounts. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/ui/confirm-dialog";
import { Segmented } from "@/components/ui/segmented";
import { TextField } from "@/components/ui/text-field";
import { type PersonRef, useDelegate } from "@/features/organisation/api/organisation";
import { PersonField } from "@/features/organisation/components/person-field";
import { useCan } from "@/lib/access";

interface DelegateDialogProps {
  /** Today, in the reporting calendar. */
  today: string;
  /** The most days that it lasts. */
  longest: number;
  onClosed: () => void;
}

export function DelegateDialog({ today, longest, onClosed }: DelegateDialogProps) {
  const { t } = useTranslation();
  const delegate = useDelegate();
  const forOthers = useCan("users:manage");
  const [whose, setWhose] = useState<"own" | "other">("own");
  const [from, setFrom] = useState<PersonRef>();
  const [to, setTo] = useState<PersonRef>();
  const [days, setDays] = useState({ first: today, last: "" });
  const [note, setNote] = useState("");
  const submit = () => {
    if (!to || (whose === "other" && !from)) return;
    const body = {
      from: whose === "other" ? (from?.id ?? null) : null,
      to: to.id,
      first: days.first || null,
      last: days.last,
      note: note || null,
    };
    delegate.mutate(body, { onSuccess: onClosed });
  };
  return (
    <ConfirmDialog
      open
      onOpenChange={(now) => !now && onClosed()}
      title={t("org.delegate")}
      text={t("org.delegateText", { n: longest })}
      confirm={t("org.delegateConfirm")}
      task={delegate}
      onConfirm={submit}
    >
      {forOthers && (
        <div>
          <Segmented
            label={t("org.whose")}
            value={whose}
            onChange={setWhose}
            options={[
              { value: "own", label: t("org.forMe") },
              { value: "other", label: t("org.forOther") },
            ]}
          />
        </div>
      )}
      {whose === "other" && <PersonField label={t("org.delegator")} value={from} onChange={setFrom} />}
      <PersonField label={t("org.delegateTo")} value={to} onChange={setTo} />
      <div className="grid gap-3 sm:grid-cols-2">
        <TextField
          label={t("org.firstDay")}
          type="date"
          min={today}
          value={days.first}
          onChange={(first) => setDays({ ...days, first })}
        />
        <TextField
          label={t("org.lastDay")}
          type="date"
          required
          min={days.first || today}
          value={days.last}
          onChange={(last) => setDays({ ...days, last })}
        />
      </div>
      <TextField label={t("org.note")} maxLength={500} value={note} onChange={setNote} />
    </ConfirmDialog>
  );
}
