/** A dialog over the page: our skin over Base UI's Dialog, which owns the focus trap and Escape. */
import { Dialog as Base } from "@base-ui/react/dialog";
import type { ReactNode } from "react";
import { cn } from "@/lib/cn";

interface DialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  /** After the closing animation: the time to unmount. */
  onClosed?: () => void;
  label: string;
  className?: string;
  /** Whether the focus goes back to where it came from on closing; not so when the page changes with it. */
  finalFocus?: () => boolean;
  children: ReactNode;
}

export function Dialog({
  open,
  onOpenChange,
  onClosed,
  label,
  className,
  finalFocus,
  children,
}: DialogProps) {
  return (
    <Base.Root open={open} onOpenChange={onOpenChange} onOpenChangeComplete={(now) => !now && onClosed?.()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 z-40 bg-shade transition-opacity duration-150 data-ending-style:opacity-0 data-starting-style:opacity-0" />
        <Base.Viewport className="fixed inset-0 z-50 flex items-start justify-center overflow-hidden px-3 pt-[12vh] pb-3">
          <Base.Popup
            aria-label={label}
            finalFocus={finalFocus}
            className={cn(
              "flex max-h-full w-full flex-col overflow-hidden rounded-xl border border-line bg-surface shadow-pop outline-hidden transition-[opacity,translate] duration-150 data-ending-style:-translate-y-1 data-ending-style:opacity-0 data-starting-style:-translate-y-1 data-starting-style:opacity-0",
              className,
            )}
          >
            {children}
          </Base.Popup>
        </Base.Viewport>
      </Base.Portal>
    </Base.Root>
  );
}

export const DialogClose = Base.Close;
