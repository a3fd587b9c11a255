/** Chooses a person by name. Real radio buttons: arrow keys work, screen readers say which of how many. */
import { useQuery } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { TextField } from "@/components/ui/text-field";
import { type PersonRef, peopleQuery } from "@/features/organisation/api/organisation";

interface PersonFieldProps {
  label: string;
  value: PersonRef | undefined;
  onChange: (person: PersonRef) => void;
}

export function PersonField({ label, value, onChange }: PersonFieldProps) {
  const { t } = useTranslation();
  const name = useId();
  const [q, setQ] = useState("");
  const found = useQuery(peopleQuery(q)).data?.people ?? [];
  const shown = q.trim() ? found : [];
  const people = value && !shown.some(({ id }) => id === value.id) ? [value, ...shown] : shown;
  const asked = q.trim() !== "";
  return (
    <div className="flex flex-col gap-1">
      <TextField label={label} hint={t("org.personHint")} type="search" value={q} onChange={setQ} />
      {(asked || people.length > 0) && (
        <fieldset className="flex max-h-40 flex-col overflow-y-auto rounded-md border border-line">
          <legend className="sr-only">{label}</legend>
          {people.map((person) => (
            <label
              key={person.id}
              className="flex cursor-pointer items-center gap-2 px-2.5 py-1 text-[0.8125rem] hover:bg-surface-2 has-checked:bg-accent-soft"
            >
              <input
                type="radio"
                name={name}
                required
                checked={person.id === value?.id}
                onChange={() => onChange(person)}
              />
              {person.name}
            </label>
          ))}
          {people.length === 0 && <p className="px-2.5 py-1 text-ink-2 text-xs">{t("org.nobodyCalled")}</p>}
        </fieldset>
      )}
    </div>
  );
}
