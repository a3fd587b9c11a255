/** A menu of actions: our skin over Base UI's Menu, which owns focus, typeahead and dismissal. */
import { Menu as Base } from "@base-ui/react/menu";
import { Check, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";

interface MenuProps {
  label: string;
  trigger: ReactNode;
  triggerClass: string;
  side?: "top" | "bottom";
  children: ReactNode;
}

export function Menu({ label, trigger, triggerClass, side = "bottom", children }: MenuProps) {
  return (
    <Base.Root modal={false}>
      <Base.Trigger className={triggerClass}>
        {trigger}
        <span className="sr-only">{label}</span>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner side={side} align="end" sideOffset={6} className="z-40 outline-hidden">
          <Base.Popup className="min-w-52 rounded-lg border border-line bg-surface p-1 shadow-pop outline-hidden transition-[opacity,scale] duration-100 data-ending-style:scale-98 data-ending-style:opacity-0 data-starting-style:scale-98 data-starting-style:opacity-0">
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

const item =
  "flex h-8 cursor-default items-center gap-2 rounded-md px-2 text-[0.8125rem] outline-hidden select-none data-highlighted:bg-surface-2";

export function MenuItem({
  icon: Icon,
  onSelect,
  children,
}: {
  icon: LucideIcon;
  onSelect: () => void;
  children: ReactNode;
}) {
  return (
    <Base.Item className={item} onClick={onSelect}>
      <Icon aria-hidden className="size-4 text-ink-3" />
      {children}
    </Base.Item>
  );
}

interface MenuChoicesProps<T extends string> {
  label: string;
  value: T;
  onChange: (value: T) => void;
  choices: { value: T; label: string; icon: LucideIcon }[];
}

/** One of several, with the present one ticked. */
export function MenuChoices<T extends string>({ label, value, onChange, choices }: MenuChoicesProps<T>) {
  return (
    <Base.RadioGroup value={value} onValueChange={onChange} aria-label={label}>
      {choices.map(({ icon: Icon, ...choice }) => (
        <Base.RadioItem key={choice.value} value={choice.value} closeOnClick className={item}>
          <Icon aria-hidden className="size-4 text-ink-3" />
          <span className="flex-1">{choice.label}</span>
          <Base.RadioItemIndicator>
            <Check aria-hidden className="size-4 text-accent-text" />
          </Base.RadioItemIndicator>
        </Base.RadioItem>
      ))}
    </Base.RadioGroup>
  );
}

export function MenuSeparator() {
  return <Base.Separator className="-mx-1 my-1 h-px bg-line" />;
}
