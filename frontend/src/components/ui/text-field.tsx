/** A labelled line of text. */
import { type ComponentProps, useId } from "react";
import { cn } from "@/lib/cn";

interface TextFieldProps extends Omit<ComponentProps<"input">, "onChange" | "value"> {
  label: string;
  hint?: string;
  value: string;
  onChange: (text: string) => void;
}

export function TextField({ label, hint, value, onChange, className, ...rest }: TextFieldProps) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="font-medium text-[0.8125rem]">
        {label}
      </label>
      <input
        id={id}
        value={value}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.value)}
        className={cn(
          "h-8 w-full rounded-md border border-line-strong bg-surface px-2.5 text-[0.8125rem]",
          className,
        )}
        {...rest}
      />
      {hint && (
        <p id={`${id}-hint`} className="text-ink-3 text-xs">
          {hint}
        </p>
      )}
    </div>
  );
}
