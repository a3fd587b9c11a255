/** Which role, and what it may do. */
import { useId } from "react";
import { useTranslation } from "react-i18next";
import { ROLES, type User } from "@/features/users/api/users";

interface RoleFieldProps {
  value: User["role"];
  onChange: (role: User["role"]) => void;
}

export function RoleField({ value, onChange }: RoleFieldProps) {
  const { t } = useTranslation();
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="font-medium text-[0.8125rem]">
        {t("users.role")}
      </label>
      <select
        id={id}
        value={value}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(ROLES.find((role) => role === event.target.value) ?? value)}
        className="h-8 rounded-md border border-line-strong bg-surface px-2 text-[0.8125rem]"
      >
        {ROLES.map((role) => (
          <option key={role} value={role}>
            {t(`roleName.${role}`)}
          </option>
        ))}
      </select>
      <p id={`${id}-hint`} className="text-ink-3 text-xs">
        {t(`roleHint.${value}`)}
      </p>
    </div>
  );
}
