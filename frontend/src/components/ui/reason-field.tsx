/** A reason that somebody has to give for those who ask later: required, not blank. */
import { useId } from "react";

/** As the server takes it. */
const LONGEST = 500;

interface ReasonFieldProps {
  label: string;
  value: string;
  onChange: (reason: string) => void;
}

export function ReasonField({ label, value, onChange }: ReasonFieldProps) {
  const id = useId();
  return (
    <>
      <label htmlFor={id} className="font-medium text-[0.8125rem]">
        {label}
      </label>
      <input
        id={id}
        required
        pattern=".*\S.*"
        maxLength={LONGEST}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        className="h-8 w-full rounded-md border border-line-strong bg-surface px-2.5 text-[0.8125rem]"
      />
    </>
  );
}
